-- SPDX-License-Identifier: MIT
-- The page at /lab/ in a real browser: students solve steps 2, 3 and 5; see student.js,
-- keyboard.js and measures.js. Screenshots of each state are in BROWSER_DIR/page.
-- needs: processor, time
local t = require "harness"

local here = t.source .. "/tests/browser"
local _, _, play = dofile(here .. "/fetched.lua")(t)

t.test("students on the page", function()
  local folder = t.temp_dir() .. "/mine"
  local lab = t.start_with({ t.source .. "/scenarios", here .. "/scenarios" }, "--step", "0", "--hints", "1",
    "--state", t.temp_dir() .. "/state", "--repair", folder)
  t.equal(t.run(t.command { t.diaglab, "repair", "--scenarios", t.source .. "/scenarios", "5", folder }).code, 0)
  play(lab, { "step2", "step3", "step5", "twoFaults", "step3ByKeyboard", "weight", "paint", "zoom", "looks", "hostile",
    "lost", "reload", "stuck", "plain" })
  t.equal(lab:stop(), 0)
end)

t.finish()
