-- SPDX-License-Identifier: MIT
-- What each kind of answer gets: the first steps (verdicts.lua).
local t = require "harness"
local verdicts = require "verdicts"
t.need("curl")

t.test("each kind of answer gets what the document says", function()
  verdicts.check { "0", "1", "2" }
end)

t.finish()
