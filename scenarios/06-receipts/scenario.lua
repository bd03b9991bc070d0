local files -- shared by all requests, like a global of a Go program

local function createFiles(n)
  for _ = 1, n do
    local file = assert(lab.temp_file(nil, "request-"))
    files[#files + 1] = file
    lab.counter("receipts_total"):add()
  end
end

return {
  params = {
    files = { 5, "files per request" },
    limit = { 500, "descriptors that the application may have" },
  },
  limits = { fds = "limit" },
  enter = function() files = {} end,
  request = function(self) createFiles(self.params.files) end,
  leave = function()
    files = {}
    lab.gc() -- closes the files
  end,
}
