-- SPDX-License-Identifier: MIT
-- The fenced blocks of a Markdown document, as docs/authoring.md describes them.
--
--   blocks.parse(text) -> list of blocks
--     block.line               where its fence opens
--     block.language           "console", "lua", "log", "" ...
--     block.words              set of what follows it: { stays = true }
--     block.file               "lua FILE": the name that follows
--     block.reason             "no-run: REASON": why, else nil
--     block.body               list of lines
--     block.commands           of console blocks: list of { line =, text =,
--                              expected = list of lines }
--   blocks.hides_commands(block)  has it "$ ..." lines that no test will run?
local blocks = {}

-- "$ " begins a command, a backslash at the end continues it; all else is what
-- the command before it prints.
local function commands_of(block)
  local list = {}
  local current, open
  for i, text in ipairs(block.body) do
    local command = text:match("^%$ (.*)$")
    if open then
      current.text = current.text .. "\n" .. text
    elseif command then
      current = { line = block.line + i, text = command, expected = {} }
      list[#list + 1] = current
    elseif current then
      table.insert(current.expected, text)
    end
    open = (open or command) and text:find("\\$") ~= nil
  end
  return list
end

local function open_block(line, info)
  local block = { line = line, words = {}, body = {} }
  block.language, info = info:match("^(%S*)%s*(.*)$")
  block.reason = info:match("no%-run:%s*(%S.*)$")
  info = info:gsub("no%-run:.*", "")
  for word in info:gmatch("%S+") do
    block.words[word] = true
    block.file = word
  end
  return block
end

function blocks.parse(text)
  local list = {}
  local block, fence
  local n = 0
  for line in (text:gsub("\n$", "") .. "\n"):gmatch("(.-)\n") do
    n = n + 1
    local ticks, info = line:match("^%s*(```+)%s*(.-)%s*$")
    if not block and ticks then
      block, fence = open_block(n, info), ticks
    elseif block and ticks == fence and info == "" then
      if block.language == "console" then block.commands = commands_of(block) end
      list[#list + 1] = block
      block = nil
    elseif block then
      table.insert(block.body, line)
    end
  end
  if block then error(("line %d: the block is never closed"):format(block.line), 0) end
  return list
end

function blocks.hides_commands(block)
  if block.language == "console" then return false end
  for _, line in ipairs(block.body) do
    if line:find("^%s*%$ ") then return true end
  end
  return false
end

return blocks
