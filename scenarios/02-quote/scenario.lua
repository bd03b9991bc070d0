local function eatCPU(seconds)
  lab.burn(seconds)
  lab.counter("quotes_total"):add()
end

return {
  params = { seconds = { 5.0, "CPU time of a request, in seconds" } },
  request = function(self) eatCPU(self.params.seconds) end,
}
