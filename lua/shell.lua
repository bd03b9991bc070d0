-- SPDX-License-Identifier: MIT
-- Commands that somebody pastes into a shell.
--
-- shell.lua() -> shell
-- shell.quoted(word) -> the word, in quotes if a shell would make something else of it
-- shell.command(words) -> the words of a list as one line

local shell = {}

function shell.quoted(word)
  if word:find "^[%w_@%%+=:,./-]+$" then return word end
  return "'" .. word:gsub("'", "'\\''") .. "'"
end

function shell.command(words)
  local quoted = {}
  for i, word in ipairs(words) do quoted[i] = shell.quoted(word) end
  return table.concat(quoted, " ")
end

return shell
