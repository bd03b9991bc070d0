local tariffs = {} -- of each zone
local guard = lab.mutex("tariffs") -- guards them
local audit -- the service that keeps what was changed

local function startAudit(seconds)
  local server = assert(lab.listen("127.0.0.1:0", function()
    lab.sleep(seconds)
    return "noted\n"
  end))
  audit = "http://" .. server:address()
end

local function reportChange(zone, price)
  assert(lab.http.get(("%s/zone/%d?price=%d"):format(audit, zone, price), { method = "POST" }))
end

local function changeTariff(zone, price)
  guard:lock()
  tariffs[zone] = price
  guard:unlock()
  reportChange(zone, price)
end

local function readTariff(zone)
  guard:lock()
  local price = tariffs[zone] or 100
  guard:unlock()
  lab.counter("tariffs_read_total"):add()
  return price
end

return {
  params = {
    zones = { 10, "of the city" },
    audit = { 0.04, "seconds that the audit service takes" },
  },
  enter = function(self) startAudit(self.params.audit) end,
  request = function(self, req)
    local zone = req.id % self.params.zones + 1
    local price = readTariff(zone)
    return ("zone %d: %d cents\n"):format(zone, price)
  end,
  routes = {
    ["/change"] = function(self, req)
      for zone = 1, self.params.zones do changeTariff(zone, 100 + req.id % 50) end
      return "changed\n"
    end,
  },
}
