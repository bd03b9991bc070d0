-- SPDX-License-Identifier: MIT
-- The page at /lab/ in a real browser: students solve steps 2, 3 and 5; see student.js,
-- keyboard.js and measures.js. Screenshots of each state are in BROWSER_DIR/page.
-- needs: processor, time
local t = require "harness"

local here = t.source .. "/tests/browser"
local chromium, browser = dofile(here .. "/fetched.lua")(t)

t.test("students on the page", function()
  local lab = t.start_with({ t.source .. "/scenarios", here .. "/scenarios" }, "--step", "0", "--hints", "1",
    "--state", t.temp_dir() .. "/state")
  local pictures = browser .. "/page"
  t.run("mkdir -p " .. t.quote(pictures))
  local words = { "node", here .. "/page.js", chromium, lab.url, pictures }
  local run = t.run(("cd %s && %s"):format(t.quote(browser), t.command(words)))
  print(run.out)
  t.equal(run.code, 0, run.err:sub(1, 2000))
  local parts = { "step2", "step3", "step5", "step3ByKeyboard", "weight", "paint", "zoom", "looks",
    "hostile", "lost", "reload", "stuck", "plain" }
  for _, part in ipairs(parts) do
    t.has(run.out, "ok " .. part)
  end
  t.equal(lab:stop(), 0)
end)

t.finish()
