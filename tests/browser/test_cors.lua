-- SPDX-License-Identifier: MIT
-- --allow-origin, judged by a browser: a page that is named reads profiles, another one
-- doesn't, and neither changes anything. See cors.js.
local t = require "harness"

local here = t.source .. "/tests/browser"
local chromium, folder = dofile(here .. "/fetched.lua")(t)

t.test("pages of two other origins", function()
  local allowed, other = t.free_port(), t.free_port()
  local lab = t.start("--allow-origin", "http://127.0.0.1:" .. allowed)
  local words = t.command { "node", here .. "/cors.js", chromium, lab.url, allowed, other }
  local run = t.run(("cd %s && %s"):format(t.quote(folder), words))
  print(run.out)
  t.equal(run.code, 0, run.err:sub(1, 2000))
  t.has(run.out, "ok allowed")
  t.has(run.out, "ok other")
  t.equal(lab:stop(), 0)
end)

t.finish()
