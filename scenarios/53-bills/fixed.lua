-- "2026-11-29" of a day's number, which begins in 1970
local function formatDay(day)
  local shifted = day + 719468 -- since the first of March of the year 0
  local era, inEra = shifted // 146097, shifted % 146097
  local year = (inEra - inEra // 1460 + inEra // 36524 - inEra // 146096) // 365
  local inYear = inEra - (365 * year + year // 4 - year // 100)
  local month = (5 * inYear + 2) // 153
  local inMonth = inYear - (153 * month + 2) // 5 + 1
  month = month < 10 and month + 3 or month - 9
  lab.counter("days_written_total"):add()
  return ("%04d-%02d-%02d"):format(year + era * 400 + (month <= 2 and 1 or 0), month, inMonth)
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
