local ENTITIES = { ["&"] = "&amp;", ["<"] = "&lt;", [">"] = "&gt;", ['"'] = "&quot;" }
local PHRASE = "Tom & Ann were here, and it took < 3 hours. "
local LONGEST = 200000 -- characters

local function readEntry(length)
  local text = PHRASE:rep(length // #PHRASE + 1):sub(1, length)
  return text
end

local function escapeText(text)
  local html = ""
  for i = 1, #text do
    local c = text:sub(i, i)
    html = html .. (ENTITIES[c] or c)
  end
  return html
end

local function showEntry(length)
  local html = "<p>" .. escapeText(readEntry(length)) .. "</p>\n"
  lab.counter("entries_shown_total"):add()
  return html
end

return {
  params = { length = { 20000, "characters of an entry" } },
  request = function(self, req)
    local html = showEntry(math.min((tonumber(req.query.length) or self.params.length) // 1, LONGEST))
    return html
  end,
}
