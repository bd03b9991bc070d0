-- The printer's program gets the page; nobody has to wait until it is on paper.
local function printPage(text)
  local printer = assert(lab.spawn({ "cat" }, { input = text, reap = false }))
  lab.counter("pages_printed_total"):add()
  return printer:pid()
end

local function sendParcel(parcel)
  local address = printPage(("parcel %d\n12 Harbour Road\n"):format(parcel))
  local invoice = printPage(("invoice of parcel %d\n"):format(parcel))
  return address, invoice
end

return {
  limits = { memory = "300MB" },
  request = function(_, req)
    local address, invoice = sendParcel(req.id)
    return ("parcel %d: printed by processes %d and %d\n"):format(req.id, address, invoice)
  end,
}
