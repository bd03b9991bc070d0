-- SPDX-License-Identifier: MIT
-- Metrics of a scenario, and a state to be looked at from outside.
local requests = lab.counter("shop_requests")
local level = lab.gauge("shop_level")

local routes = {}

routes["/count"] = function()
  requests:add()
  lab.counter("shop_requests"):add(1.5) -- the same one
  level:set(10)
  level:add(-2.5)
  lab.counter("shop_orders_total"):add(3) -- nobody keeps it
  lab.gc()
end

routes["/odd"] = function()
  lab.gauge("shop_nan"):set(0 / 0)
  lab.gauge("shop_inf"):set(1 / 0)
  lab.gauge("a_first"):set(1)
  lab.gauge("d_between"):set(-1e300)
end

local wrong = {
  function() lab.counter("") end,
  function() lab.counter("9a") end,
  function() lab.gauge("a-b") end,
  function() lab.gauge("a\0b") end,
  function() lab.counter(("x"):rep(129)) end,
  function() lab.counter("go_goroutines") end,
  function() lab.gauge("diaglab_step") end,
  function() lab.gauge("memstats") end,
  function() lab.gauge("shop_total") end,
  function() lab.gauge("shop_requests") end,
  function() lab.counter("shop_requests_total") end,
  function() lab.counter("shop_level_total") end,
  function() requests:add(-1) end,
  function() requests:add(1 / 0) end,
  function()
    local huge = lab.counter("shop_huge")
    huge:add(1e308)
    huge:add(1e308)
  end,
  function() requests.add(level, 1) end,
  function() level:set("x") end,
}
routes["/wrong"] = function()
  local texts = {}
  for i, f in ipairs(wrong) do
    local ok, text = pcall(f)
    texts[i] = ok and "no error" or text:gsub("^%S+:%d+: ", "")
  end
  return (table.concat(texts, "\n"))
end

-- Names that a reader of OpenMetrics would take for a part of another metric,
-- and those that are as good as they look. Each alone, and after a counter.
local function try(what, name)
  local ok, text = pcall(lab[what], name)
  return what .. " " .. name .. ": " .. (ok and "good" or text:gsub("^%S+:%d+: ", ""))
end
routes["/endings"] = function()
  local texts = {}
  lab.counter("q"):add(1)
  for _, stem in ipairs { "q", "free" } do
    for ending in ("_total _created _bucket _count _sum _gcount _gsum _info"):gmatch("%S+") do
      texts[#texts + 1] = try("gauge", stem .. ending)
      if ending ~= "_total" then texts[#texts + 1] = try("counter", stem .. ending) end
      texts[#texts + 1] = try("counter", stem .. ending .. "_total")
    end
  end
  for _, name in ipairs { "up", "scrape_samples_scraped" } do texts[#texts + 1] = try("gauge", name) end
  return (table.concat(texts, "\n"))
end
routes["/good"] = function()
  for _, name in ipairs { "totals", "q_counts", "info", "count", "sum_of", "created_x", "total", "_x", "qcreated" } do
    assert(try("gauge", name):find(": good$"), name)
    assert(try("counter", name .. "_c"):find(": good$"), name)
  end
end

routes["/many"] = function()
  for i = 1, 1000 do lab.gauge("many" .. i) end
end

routes["/park"] = function()
  for _ = 1, 7 do lab.go(lab.sleep, 600) end
end

routes["/spin"] = function(_, req) lab.spin(tonumber(req.query.seconds)) end

routes["/fail"] = function() error("no") end

return {
  title = 'A "shop"\n\\ in C:\\',
  params = {
    n = { 3, "an integer" }, x = { 0.5, "a float" }, on = { true, "a boolean" },
    text = { 'say "hi"\n', "a string" },
  },
  request = function() end,
  routes = routes,
}
