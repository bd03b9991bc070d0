local function eatCPU(seconds)
  lab.burn(seconds)
end

return {
  params = { seconds = { 5.0, "CPU time of a request, in seconds" } },
  request = function(self) eatCPU(self.params.seconds) end,
}
