local plan -- the path of a large file on the company's file server

local function writePlan(latency, parts)
  local dir = assert(lab.temp_dir { latency = latency })
  plan = dir .. "/plan.txt"
  local file <close> = assert(lab.open(plan, "w"))
  assert(file:write(("platform\n"):rep(100 * parts)))
end

local function readPlan()
  local file <close> = assert(lab.open(plan, "r", { inline = true }))
  local lines = 0
  while true do
    local part = file:read(900)
    if not part then break end
    lines = lines + select(2, part:gsub("\n", ""))
  end
  lab.counter("plans_total"):add()
  return lines
end

local function nextTrain(minute, seconds)
  lab.sleep(seconds) -- asks the signal box
  lab.counter("trains_shown_total"):add()
  return ("the next train leaves in %d minutes\n"):format(10 - minute % 10)
end

return {
  params = {
    latency = { 0.02, "seconds that the file server takes" },
    parts = { 5, "of the plan" },
    signals = { 0.002, "seconds that the signal box takes" },
  },
  enter = function(self) writePlan(self.params.latency, self.params.parts) end,
  request = function(self, req)
    local text = nextTrain(req.id, self.params.signals)
    return text
  end,
  routes = {
    ["/plan"] = function()
      local lines = readPlan()
      return lines .. " lines\n"
    end,
  },
}
