local journal

local function bookLine(account, cents)
  assert(journal:write(("%08d %d\n"):format(account, cents)))
  lab.counter("lines_booked_total"):add()
end

local function bookAll(transfers)
  for i = 1, transfers do bookLine(i, i * 17 % 1000) end
  assert(journal:sync())
end

return {
  params = {
    transfers = { 12, "in one request" },
    latency = { 0.008, "seconds that the disk takes" },
  },
  limits = { memory = "300MB" },
  enter = function(self)
    local folder = assert(lab.temp_dir { latency = self.params.latency })
    journal = assert(lab.temp_file(folder, "journal-"))
  end,
  request = function(self)
    bookAll(self.params.transfers)
    return "booked\n"
  end,
}
