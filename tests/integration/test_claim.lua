-- SPDX-License-Identifier: MIT
-- Numbers of several visits: whether a lesson's claim holds for them.
local t = require "harness"

local claim = assert(loadfile(t.source .. "/lua/claim.lua"))()

local function judge(text, values, others)
  return (claim.judgeRatios(t.check(claim.parse(text)), values, others))
end

t.test("three visits must agree", function()
  t.equal(judge(">= 5 x fixed", { 10, 11, 12 }, { 1, 1, 2 }), "yes")
  t.equal(judge(">= 5 x fixed", { 10, 11, 4 }, { 1, 1, 1 }), "inconclusive")
  t.equal(judge(">= 5 x fixed", { 10, 11, 12 }, { 1, 1, 3 }), "inconclusive")
  t.equal(judge(">= 5 x fixed", { 4, 3, 4.9 }, { 1, 1, 1 }), "no")
  t.equal(judge("1..2 x fixed", { 1, 1.5, 2 }, { 1, 1, 1 }), "yes")
  t.equal(judge("1..2 x fixed", { 0.5, 1.5, 3 }, { 1, 1, 1 }), "inconclusive")
  t.equal(judge("1..2 x fixed", { 3, 4, 5 }, { 1, 1, 1 }), "no")
  t.equal(judge("> 1 x fixed", { 1, 1, 1 }, { 1, 1, 1 }), "no")
  t.equal(judge(">= 5 x fixed", {}, { 1 }), "empty")
  t.equal(judge(">= 5 x fixed", { 1 }, {}), "empty")
end)

t.test("of more visits some may be of a machine that stood still", function()
  local one, two = { 10, 10, 1, 10, 10, 10 }, { 10, 1, 10, 10, 2, 10, 10, 10, 10 }
  local same = { 1, 1, 1, 1, 1, 1, 1, 1, 1 }
  t.equal(judge(">= 5 x fixed", table.move(one, 1, 5, 1, {}), table.move(same, 1, 5, 1, {})), "inconclusive")
  t.equal(judge(">= 5 x fixed", one, table.move(same, 1, 6, 1, {})), "yes")
  t.equal(judge(">= 5 x fixed", two, same), "yes")
  t.equal(judge(">= 5 x fixed", { 10, 1, 10, 10, 2, 10, 10, 3, 10 }, same), "inconclusive")
  t.equal(judge(">= 5 x fixed", { 1, 10, 1, 1, 10, 1, 1, 1, 1 }, same), "no")
  t.equal(judge(">= 5 x fixed", { 10, 10, 10, 10, 10, 10 }, { 1, 1, 9, 1, 1, 1 }), "yes")
end)

t.test("what is said is what counts", function()
  local c = claim.parse(">= 5 x fixed")
  local verdict, median, least, most = claim.judgeRatios(c, { 8, 9, 1, 10, 11, 90 }, { 1, 1, 1, 1, 1, 1 })
  t.equal(verdict, "yes")
  t.equal(median, 9.5)
  t.equal(least, 8)
  t.equal(most, 11)
end)

t.finish()
