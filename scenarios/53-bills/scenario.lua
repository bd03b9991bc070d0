-- "2026-11-29" of a day's number
local function formatDay(day)
  local process = assert(lab.spawn({ "date", "-u", "-d", ("@%d"):format(day * 86400), "+%Y-%m-%d" },
    { stdout = "pipe" }))
  local text = assert(process:read(100))
  process:close_stdout()
  process:wait()
  lab.counter("days_written_total"):add()
  return (text:gsub("%s", ""))
end

local function writeInvoice(number, items)
  local lines = {}
  for i = 1, items do
    lines[i] = ("%s  %4d pieces"):format(formatDay(20000 + (number + i) % 400), i * 3)
  end
  return table.concat(lines, "\n") .. "\n"
end

return {
  params = { items = { 4, "of an invoice" } },
  limits = { memory = "300MB" },
  request = function(self, req)
    local invoice = writeInvoice(req.id, self.params.items)
    return invoice
  end,
}
