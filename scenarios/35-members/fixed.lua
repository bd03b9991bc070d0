local database -- a client, and where the server is
local where
local inUse -- answers whose connection is taken
local DAY = 86400 -- seconds that a query may take

local function startDatabase(connections, seconds)
  local server = assert(lab.listen("127.0.0.1:0", function(req)
    lab.sleep(seconds)
    local member = req.path:match("^/member/(%d+)$")
    if member and tonumber(member) % 5 == 0 then return "no such member", 404 end
    return "row of " .. req.path
  end, { idle_timeout = 0 }))
  database, where = lab.http.client { size = connections, name = "database" }, "http://" .. server:address()
  inUse = lab.profile("db.InUse")
end

local function ask(path)
  local answer = assert(database:get(where .. path, { stream = true, timeout = DAY }))
  inUse:add(answer, 1)
  return answer
end

local function finish(answer)
  answer:close()
  inUse:remove(answer)
end

local function findMember(id)
  local answer = ask("/member/" .. id)
  local row = answer.status == 200 and answer:read() or nil
  finish(answer)
  return row
end

local function listClubs()
  local answer = ask("/clubs")
  local rows = answer:read()
  finish(answer)
  return rows
end

return {
  params = {
    connections = { 4, "to the database" },
    seconds = { 0.002, "that the database takes" },
  },
  enter = function(self) startDatabase(self.params.connections, self.params.seconds) end,
  request = function(_, req)
    local clubs = listClubs()
    local member = findMember(req.id)
    lab.counter("pages_shown_total"):add()
    return ("%s\n%s\n"):format(clubs, member or "please sign in again")
  end,
}
