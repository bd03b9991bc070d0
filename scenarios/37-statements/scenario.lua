local PAGE = 100 -- bookings that the archive sends at a time

local archive -- a client, and where the server is
local where

local function bookingsOf(account, few, many) return account % 20 == 7 and many or few end

local function startArchive(seconds, few, many)
  local server = assert(lab.listen("127.0.0.1:0", function(req)
    lab.sleep(seconds)
    local left = bookingsOf(tonumber(req.query.account), few, many) - tonumber(req.query.from)
    return ("booking\n"):rep(math.min(left, PAGE)), 200, { ["X-More"] = left > PAGE and "yes" or "no" }
  end))
  archive, where = lab.http.client { size = 16, name = "archive" }, "http://" .. server:address()
end

local function readPage(account, from)
  local answer = assert(archive:get(("%s/?account=%d&from=%d"):format(where, account, from)))
  lab.counter("pages_read_total"):add()
  return answer.body, answer.headers["x-more"] == "yes"
end

local function writeStatement(account)
  local parts, more = {}, true
  while more do
    parts[#parts + 1], more = readPage(account, #parts * PAGE)
  end
  local text = table.concat(parts)
  lab.counter("bookings_shown_total"):add(select(2, text:gsub("\n", "")))
  return text
end

return {
  params = {
    few = { 100, "bookings of most accounts" },
    many = { 4000, "bookings of one in twenty accounts" },
    seconds = { 0.003, "that the archive takes" },
  },
  enter = function(self) startArchive(self.params.seconds, self.params.few, self.params.many) end,
  request = function(_, req)
    local account = tonumber(req.query.account) or req.id
    local text = writeStatement(account // 1)
    return text
  end,
}
