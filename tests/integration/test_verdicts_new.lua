-- SPDX-License-Identifier: MIT
-- What each kind of answer gets: new exercises (verdicts.lua).
local t = require "harness"
local verdicts = require "verdicts"
t.need("curl")

t.test("each kind of answer gets what the document says", function()
  verdicts.check { "prices", "digits" }
end)

t.finish()
