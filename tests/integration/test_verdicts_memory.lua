-- SPDX-License-Identifier: MIT
-- What each kind of answer gets: memory and files (verdicts.lua).
local t = require "harness"
local verdicts = require "verdicts"
t.need("curl")

t.test("each kind of answer gets what the document says", function()
  verdicts.check { "3", "4", "5", "6" }
end)

t.finish()
