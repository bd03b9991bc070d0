local picture

local function loadPicture(bytes) picture = ("\x0d\x40\x55\xff"):rep(bytes // 4) end

local function drawPreview()
  local canvas <close> = lab.buffer(#picture)
  assert(canvas:write(picture))
  lab.counter("previews_total"):add()
  return canvas:len()
end

return {
  params = { bytes = { 8000000, "of a picture" } },
  limits = { memory = "500MB" },
  enter = function(self) loadPicture(self.params.bytes) end,
  request = function()
    local bytes = drawPreview()
    return bytes .. " bytes drawn\n"
  end,
}
