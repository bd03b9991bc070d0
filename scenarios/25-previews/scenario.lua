local picture

local function loadPicture(bytes) picture = ("\x0d\x40\x55\xff"):rep(bytes // 4) end

local function drawPreview()
  local canvas <close> = lab.buffer(#picture)
  assert(canvas:write(picture))
  lab.counter("previews_total"):add()
  return canvas:len()
end

-- The process shall stay as small as it is.
local function finishPreview()
  lab.release()
end

return {
  params = { bytes = { 8000000, "of a picture" } },
  limits = { memory = "500MB" },
  enter = function(self) loadPicture(self.params.bytes) end,
  request = function()
    local bytes = drawPreview()
    finishPreview()
    return bytes .. " bytes drawn\n"
  end,
}
