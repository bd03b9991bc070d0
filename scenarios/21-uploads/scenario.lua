local notes = {} -- one for each upload of the day

local function receiveUpload(size)
  local body = lab.buffer(size + 512)
  assert(lab.copy_n(body, lab.prng(1), size))
  return body
end

-- For the report in the evening: a line for each upload.
local function noteUpload(id, body)
  notes[#notes + 1] = function() return ("upload %d: %d bytes"):format(id, body:len()) end
end

local function writeReport()
  local lines = {}
  for i, note in ipairs(notes) do lines[i] = note() end
  local report = table.concat(lines, "\n")
  return report
end

return {
  params = { size = { 2000000, "bytes of an upload" } },
  limits = { memory = "1GiB" },
  request = function(self, req)
    local body = receiveUpload(self.params.size)
    noteUpload(req.id, body)
    lab.counter("uploads_total"):add()
    return body:len() .. " bytes received\n"
  end,
  routes = {
    ["/report"] = function()
      local report = writeReport()
      return report .. "\n"
    end,
  },
}
