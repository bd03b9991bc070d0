local DAY = 86400

local meters = {} -- when each was last heard of
local began, due -- since when we count; when the next look at all meters is due

local function loadMeters(n)
  for i = 1, n do meters["meter " .. i] = began end
end

local function countSilent(now)
  local silent = 0
  for _, at in pairs(meters) do
    if now - at > DAY then silent = silent + 1 end
  end
  lab.gauge("meters_silent"):set(silent)
  lab.counter("looks_total"):add()
end

-- From time to time: which meters don't send any more?
local function watchMeters(now, every)
  if now < due then return end
  countSilent(now)
  due = began + every
end

local function takeReading(meter, every)
  local now = lab.now()
  meters[meter] = now
  watchMeters(now, every)
  lab.counter("readings_total"):add()
end

return {
  params = {
    meters = { 10000, "in the town" },
    every = { 60, "seconds between two looks at all of them" },
  },
  limits = { memory = "300MB" },
  enter = function(self)
    local p = self.params
    began = lab.now()
    due = began + p.every
    loadMeters(p.meters)
  end,
  request = function(self, req)
    local p = self.params
    takeReading("meter " .. req.id % p.meters + 1, p.every)
    return "noted\n"
  end,
}
