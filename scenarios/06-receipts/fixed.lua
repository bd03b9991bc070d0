local function createFiles(n)
  for _ = 1, n do
    local file = assert(lab.temp_file(nil, "request-"))
    file:close()
    lab.counter("receipts_total"):add()
  end
end

return {
  params = {
    files = { 5, "files per request" },
    limit = { 500, "descriptors that the application may have" },
  },
  limits = { fds = "limit" },
  request = function(self) createFiles(self.params.files) end,
}
