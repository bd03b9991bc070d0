-- SPDX-License-Identifier: MIT
-- A lab that is built with speedscope (WEB_SPEEDSCOPE=ON): the page opens a capture
-- there, and nothing comes from elsewhere. The build stays in BROWSER_DIR for the next
-- run.
-- needs: processor, time
local t = require "harness"

local here = t.source .. "/tests/browser"
local _, browser, play = dofile(here .. "/fetched.lua")(t)

-- The program of this tree, with speedscope.
local function build()
  local folder = browser .. "/speedscope"
  for _, words in ipairs {
    { "cmake", "-G", "Ninja", "-S", t.source, "-B", folder, "-DCMAKE_BUILD_TYPE=Debug", "-DCMAKE_C_FLAGS_DEBUG=-O0",
      "-DLAB_TESTS=OFF", "-DWEB_SPEEDSCOPE=ON" },
    { "ninja", "-C", folder, "diaglab" },
  } do
    local run = t.run(t.command(words))
    t.equal(run.code, 0, (run.out .. run.err):sub(-2000))
  end
  return folder .. "/diaglab"
end

t.test("a capture in the lab's own speedscope", function()
  t.diaglab = build()
  local lab = t.start_with({ t.source .. "/scenarios" }, "--step", "3")
  for _ = 1, 3 do t.equal(lab:get("/").status, 200) end
  play(lab, { "curious" }, "curious")
  t.equal(lab:stop(), 0)
end)

t.finish()
