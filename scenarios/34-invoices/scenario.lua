local database -- a client, and where the server is
local where

local function startDatabase(seconds)
  local server = assert(lab.listen("127.0.0.1:0", function(req)
    lab.counter("queries_total"):add()
    lab.sleep(seconds)
    return "row of " .. req.path
  end))
  database, where = lab.http.client { size = 8, name = "database" }, "http://" .. server:address()
end

local function query(path)
  local answer = assert(database:get(where .. path))
  return answer.body
end

local function loadInvoices(n)
  local rows = { query("/invoices") }
  for i = 2, n do rows[i] = "invoice " .. i end
  return rows
end

local function loadCustomer(id)
  local row = query("/customer/" .. id)
  return row
end

local function listInvoices(n)
  local lines = {}
  for i, invoice in ipairs(loadInvoices(n)) do
    local customer = loadCustomer(i)
    lines[i] = invoice .. "\t" .. customer
  end
  lab.counter("lines_total"):add(#lines)
  return table.concat(lines, "\n") .. "\n"
end

return {
  params = {
    invoices = { 50, "in the list" },
    seconds = { 0.008, "that the database takes" },
  },
  enter = function(self) startDatabase(self.params.seconds) end,
  request = function(self)
    local list = listInvoices(self.params.invoices)
    return list
  end,
}
