-- SPDX-License-Identifier: MIT
-- Runs a test of the page's modules, which needs no browser: node's test runner does.
--
--   lua5.4 run.lua FILE       exits 0, 1, or 77 where node or all that it needs is missing
local t = require "harness"

t.need("node")
local run = t.run(t.command { "node", "--test", "--test-reporter=tap", arg[1] })
print(run.out .. run.err)
local passed = tonumber(run.out:match("\n# pass (%d+)"))
if run.code == 0 and passed == 0 then t.skip("nothing of it can run here") end
os.exit(run.code == 0 and passed ~= nil and 0 or 1)
