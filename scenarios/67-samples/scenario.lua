local BLOCK = 1024 * 1024 -- bytes that are drawn at a time

local function drawBlock(buffer, source, size)
  buffer:reset()
  return (assert(lab.copy_n(buffer, source, size)))
end

-- A sample of `size` random bytes; the same number gives the same sample.
local function drawSample(number, size)
  local source, buffer = lab.prng(number), lab.buffer(BLOCK)
  local drawn = 0
  while drawn < size do drawn = drawn + drawBlock(buffer, source, math.min(BLOCK, size - drawn)) end
  lab.counter("bytes_drawn_total"):add(drawn)
  return drawn
end

return {
  params = { size = { 32000000, "bytes in a sample" } },
  limits = { memory = "500MB" },
  request = function(self, req)
    local drawn = drawSample(req.id, self.params.size)
    return ("sample %d: %d bytes\n"):format(req.id, drawn)
  end,
}
