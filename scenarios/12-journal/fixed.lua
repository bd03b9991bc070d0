local KINDS = { "has signed in", "opened a ticket", "sent a reply", "has signed out" }
local SHOWN, LONGEST = 10, 20000 -- events

local function readEvents(n)
  local events = {}
  for i = 1, n do events[i] = ("%06d %s"):format(i, KINDS[i % #KINDS + 1]) end
  return events
end

local function newestFirst(events)
  local list = {}
  for i = #events, 1, -1 do list[#list + 1] = events[i] end
  return list
end

local function showJournal(n)
  local list = newestFirst(readEvents(n))
  local text = table.concat(list, "\n", 1, math.min(SHOWN, #list))
  lab.counter("events_read_total"):add(n)
  return text
end

return {
  params = { events = { 3000, "in a customer's journal" } },
  request = function(self, req)
    local text = showJournal(math.min((tonumber(req.query.events) or self.params.events) // 1, LONGEST))
    return text .. "\n"
  end,
}
