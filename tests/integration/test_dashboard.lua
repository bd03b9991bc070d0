-- SPDX-License-Identifier: MIT
-- needs: time
-- What tools/containers tells Prometheus, Grafana and Pyroscope about a lab, and the
-- images of Containerfile: everything that they name is there, and Prometheus answers
-- every question of the dashboard.
local t = require "harness"
t.need("curl")

local FOLDER = t.source .. "/tools/containers"
local json = dofile(t.source .. "/lua/json.lua")
local dashboard = t.check(json(t.read(FOLDER .. "/grafana/dashboards/diaglab.json")))
local compose = t.read(FOLDER .. "/compose.yaml")
local containerfile = t.read(t.source .. "/Containerfile")

-- All questions for Prometheus: { expr =, where = }.
local function expressions()
  local list = {}
  for _, panel in ipairs(dashboard.panels) do
    for _, target in ipairs(panel.targets or {}) do
      if target.expr then list[#list + 1] = { expr = target.expr, where = panel.title } end
    end
  end
  for _, a in ipairs(dashboard.annotations.list) do list[#list + 1] = { expr = a.expr, where = a.name } end
  return list
end

t.test("the dashboard is one that Grafana shows", function()
  local sources, ids, taken, flames = {}, {}, {}, 0
  for uid in t.read(FOLDER .. "/grafana/provisioning/datasources/diaglab.yaml"):gmatch("uid: (%S+)") do
    sources[uid] = true
  end
  t.check(sources.prometheus and sources.pyroscope, "both sources are provisioned")
  for _, panel in ipairs(dashboard.panels) do
    local what, grid = panel.title, panel.gridPos
    t.check(what and not ids[panel.id], "a title, and an id of its own: " .. tostring(what))
    ids[panel.id] = true
    t.check(grid.x >= 0 and grid.x + grid.w <= 24, what .. " fits into 24 columns")
    for x = grid.x, grid.x + grid.w - 1 do
      for y = grid.y, grid.y + grid.h - 1 do
        local place = x .. "," .. y
        t.check(not taken[place], ("%s covers %s"):format(what, tostring(taken[place])))
        taken[place] = what
      end
    end
    if panel.type ~= "row" then
      t.check(#panel.targets > 0, what .. " asks something")
      local refs = {}
      for _, target in ipairs(panel.targets) do
        t.check(sources[target.datasource.uid], what)
        t.equal(target.datasource.uid, panel.datasource.uid, what)
        t.check(not refs[target.refId], what .. ": two questions of one name")
        refs[target.refId] = true
      end
      if panel.type == "flamegraph" then flames = flames + 1 end
    end
  end
  t.check(flames > 0, "it has flame graphs")
end)

-- A solved step is the last that isn't there in a new lab; its family is.
t.test("every metric that the dashboard names is one of the lab's", function()
  local lab = t.start()
  lab:get("/")
  local families, n = {}, 0
  for name, kind in lab:get("/metrics").body:gmatch("# TYPE (%S+) (%S+)\n") do families[name] = kind end
  for _, q in ipairs(expressions()) do
    local named = 0
    for name, labels in q.expr:gmatch("([%a_:][%w_:]*)(%b{})") do
      local base = name:match("^(.*)_bucket$") or name:match("^(.*)_count$") or name:match("^(.*)_sum$")
      local kind = families[name] or families[base]
      t.check(kind, q.where .. ": there is no metric " .. name)
      t.equal(labels, '{job="diaglab"}', "Prometheus' own metrics have some of these names, too")
      local is_counted = q.expr:find("rate(" .. name .. "{", 1, true)
      local counts = kind == "counter" or kind == "untyped" or families[name] == nil
      t.equal(is_counted ~= nil, counts, q.where .. ": what adds up has a rate, and nothing else: " .. name)
      named = named + 1
    end
    t.check(named > 0, q.where .. " names a metric")
    n = n + named
  end
  t.check(n > 40, n .. " names")
  t.equal(lab:stop(), 0)
end)

t.test("Prometheus takes the configuration, and answers every question", function()
  if not t.have("prometheus", "promtool") then return print("     (there is no prometheus)") end
  local check = t.run("promtool check config " .. t.quote(FOLDER .. "/prometheus.yml"))
  t.equal(check.code, 0, check.out .. check.err)
  local lab = t.start_with({ t.source .. "/tests/integration/scenarios" }, "--step", "82")
  lab:get("/park") -- tasks that wait: those of which there are none aren't shown
  local dir, port = t.temp_dir(), t.free_port()
  local config = t.read(FOLDER .. "/prometheus.yml"):gsub("lab:6060", "127.0.0.1:" .. lab.port)
    :gsub("localhost:9090", "127.0.0.1:" .. port):gsub("scrape_interval: 5s", "scrape_interval: 1s")
  t.has(config, "127.0.0.1:" .. lab.port)
  t.write(dir .. "/prometheus.yml", config)
  local prometheus = t.spawn(("prometheus --config.file=%s/prometheus.yml --storage.tsdb.path=%s/data "
    .. "--web.listen-address=127.0.0.1:%s --log.level=warn"):format(dir, dir, port))
  local api = "http://127.0.0.1:" .. port .. "/api/v1/query"
  for _, q in ipairs(expressions()) do
    local answer
    local expr = q.expr:gsub("%$__rate_interval", "1m")
    local ok = pcall(t.eventually, function()
      lab:get("/")
      answer = t.http(api, "-G", "--data-urlencode", "query=" .. expr)
      if answer.status ~= 200 then return false end -- Prometheus begins
      local result = t.check(json(answer.body), answer.body)
      t.equal(result.status, "success", q.where .. ": " .. answer.body)
      return #result.data.result > 0
    end)
    t.check(ok, ("%s: %s\n%s"):format(q.where, expr, answer.body))
  end
  prometheus:signal("TERM")
  prometheus:wait()
  t.equal(lab:stop(), 0)
end)

-- What Alloy asks for where its configuration names no path.
local paths = { process_cpu = "/debug/pprof/profile?seconds=1", fgprof = "/debug/fgprof?seconds=1",
  memory = "/debug/pprof/allocs", goroutine = "/debug/pprof/goroutine", block = "/debug/pprof/block",
  mutex = "/debug/pprof/mutex" }

t.test("Alloy finds the profiles that it is to fetch", function()
  t.need("go")
  local config = t.read(FOLDER .. "/config.alloy")
  local lab = t.start("--step", "4", "--param", "4.rounds=1")
  local types, n = {}, 0
  for kind, body in config:gmatch("profile%.([%w_]+)[^\n{]*(%b{})") do
    local path = body:match('path%s+= "([^"]*)"') or t.check(paths[kind], kind)
    lab:get("/")
    local answer = lab:get(path, "-H", "User-Agent: Alloy/v1.6.1")
    t.equal(answer.status, 200, path)
    local file = t.temp_file()
    t.write(file, answer.body)
    local raw = t.pprof.run(file, "-raw")
    local period = t.match(raw, "PeriodType: (%S+ %S+)", path):gsub(" ", ":")
    for sample, unit in t.match(raw, "Samples:\n([^\n]*)"):gmatch("([%w_]+)/([%w_]+)") do
      types[("%s:%s:%s:%s"):format(kind, sample, unit, period)] = true
    end
    n = n + 1
  end
  t.equal(n, 7)
  t.has(lab:get("/lab/captures", "-H", "Accept: application/json").body, '"captures": []', "none of it is evidence")
  for _, panel in ipairs(dashboard.panels) do
    for _, target in ipairs(panel.type == "flamegraph" and panel.targets or {}) do
      t.check(types[target.profileTypeId], panel.title .. ": there is no " .. target.profileTypeId)
      local service = target.labelSelector:match('service_name="([^"]*)"')
      t.has(config, ('"service_name" = "%s"'):format(service))
    end
  end
  t.equal(lab:stop(), 0)
end)

t.test("files, services, ports and images that are named are there", function()
  local services, stages = {}, {}
  for name in compose:match("\nservices:\n(.*)\nvolumes:"):gmatch("\n?  (%l+):\n") do services[name] = true end
  for from, name in containerfile:gmatch("\nFROM (%S+) AS (%l+)") do
    t.check(stages[from] or from:find("^docker.io/"), "it begins with " .. from)
    stages[name] = true
  end
  for path in compose:gmatch("\n      %- (%./[^:]+):/[^\n]*:ro") do
    t.equal(t.run("test -e " .. t.quote(FOLDER .. "/" .. path)).code, 0, path)
  end
  for port in compose:gmatch('\n      %- "([^"\n]*)"') do
    t.match(port, "^127%.0%.0%.1:%d+:%d+$", "no port is the network's")
  end
  t.check(stages[t.match(compose, "target: (%l+)")], "a stage for compose")
  for _, file in ipairs { "prometheus.yml", "config.alloy", "grafana/provisioning/datasources/diaglab.yaml" } do
    for host in t.read(FOLDER .. "/" .. file):gmatch("[\"/]([%l]+):%d+") do
      t.check(services[host] or host == "localhost", file .. " names " .. host)
    end
  end
  t.has(containerfile, '"--host", "lab"', "Prometheus names it so, and names are checked")
  t.check(services.lab)
  local dev = t.check(json(t.read(t.source .. "/.devcontainer/devcontainer.json")))
  t.check(stages[dev.build.target], "a stage for the devcontainer")
  t.equal(t.run("test -f " .. t.quote(t.source .. "/.devcontainer/" .. dev.build.dockerfile)).code, 0)
  t.has(containerfile, "--uid 1000 " .. dev.remoteUser)
  -- In each image somebody else than root has the last word.
  local stage, users = nil, {}
  for line in containerfile:gmatch("[^\n]+") do
    stage = line:match("^FROM %S+ AS (%l+)") or stage
    if stage then users[stage] = line:match("^USER (%l+)") or users[stage] end
  end
  for name in pairs(stages) do
    t.check(name == "build" or (users[name] and users[name] ~= "root"), name .. " runs as " .. tostring(users[name]))
  end
end)

t.finish()
