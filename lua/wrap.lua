-- SPDX-License-Identifier: MIT
-- Text for a terminal.
--
-- wrap.lua() -> wrap
-- wrap(text, width) -> { line ... }: its words, in lines of WIDTH bytes at most; a
--   longer word has a line of its own. Without a word there is one empty line.

return function(text, width)
  local lines, line = {}, ""
  for word in text:gmatch("%S+") do
    if line ~= "" and #line + 1 + #word > width then
      lines[#lines + 1] = line
      line = ""
    end
    line = line .. (line ~= "" and " " or "") .. word
  end
  lines[#lines + 1] = line
  return lines
end
