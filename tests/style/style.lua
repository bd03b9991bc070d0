-- SPDX-License-Identifier: MIT
-- The style test: rules of the source that a compiler doesn't know. Prints
-- "file:line: what is wrong; what to do" and exits with 1 if there is any.
--
--   lua5.4 tests/style/style.lua [--update [--accept]] [ROOT]
--
-- What was wrong when a rule was made stands in ROOT/tests/style/exceptions.lua,
-- with how much of it there is. That file may only shrink: what became better
-- must be lowered there, too.
--   --update   rewrites the file with lower numbers, and without what is gone
--   --update --accept   also takes in what is new or has grown
local here = arg[0]:match "^(.*)/" or "."
package.path = here .. "/?.lua;" .. package.path
local source = require "source"
local ratchet = require "ratchet"

local root, options = here .. "/../..", {}
for _, word in ipairs(arg) do
  if word:match "^%-" then options[word] = true else root = word end
end
for option in pairs(options) do
  if option ~= "--update" and option ~= "--accept" then
    io.stderr:write("style.lua: there is no option ", option, "\n")
    os.exit(2)
  end
end

local findings = {}

-- A rule found something in line LINE of PATH. NUMBER says how much; numbers of
-- one RULE and KEY (by default the path) are added up.
local function report(rule, path, line, number, text, key)
  findings[#findings + 1] = { rule = rule, key = key or path, path = path,
    line = line, number = number, text = text }
end

local files = source.read_tree(root, ratchet.PATH)
if #files == 0 then
  io.stderr:write("style.lua: there are no source files in ", root, "\n")
  os.exit(2)
end
require "text_rules"(files, report)
require "c_rules"(files, report)
local units, edges = require "symbol_rules"(files, report)
require "structure_rules"(files, units, edges, report)

local path = root .. "/" .. ratchet.PATH
local exceptions = ratchet.read(path)
if options["--update"] then
  exceptions = ratchet.update(exceptions, findings, options["--accept"])
  ratchet.write(path, exceptions)
end
local problems = ratchet.compare(exceptions, findings, files, path)
for _, problem in ipairs(problems) do print(problem) end
os.exit(#problems == 0 and 0 or 1)
