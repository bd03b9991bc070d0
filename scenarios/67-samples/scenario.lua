local BLOCK = 1000000 -- bytes that are drawn at a time

local spare = {} -- buffers that nobody uses now

local function drawBlock(buffer, size)
  buffer:reset()
  return (assert(lab.copy_n(buffer, lab.rand, size)))
end

local function drawSample(size)
  local buffer = table.remove(spare) or lab.buffer(BLOCK)
  local drawn = 0
  while drawn < size do drawn = drawn + drawBlock(buffer, math.min(BLOCK, size - drawn)) end
  spare[#spare + 1] = buffer
  lab.counter("bytes_drawn_total"):add(drawn)
  return drawn
end

return {
  params = { size = { 8000000, "bytes in a sample" } },
  limits = { memory = "500MB" },
  request = function(self, req)
    local drawn = drawSample(self.params.size)
    return ("sample %d: %d bytes\n"):format(req.id, drawn)
  end,
}
