local DAY = 86400

local meters = {} -- when each was last heard of
local due -- when the next look at all meters is

local function loadMeters(n, now)
  for i = 1, n do meters["meter " .. i] = now end
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
  due = now + every
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
    local now = lab.now()
    due = now + p.every
    loadMeters(p.meters, now)
  end,
  request = function(self, req)
    local p = self.params
    takeReading("meter " .. req.id % p.meters + 1, p.every)
    return "noted\n"
  end,
}
