-- SPDX-License-Identifier: MIT
-- Web pages of other origins that may read profiles and numbers (--allow-origin), and
-- what stays refused to them.
local t = require "harness"
t.need("curl")

local VIEWER, OTHER = "https://viewer.example", "http://localhost:8080"
local reading = { "/metrics", "/status", "/steps", "/debug/vars", "/debug/pprof/", "/debug/pprof/heap",
  "/debug/pprof/goroutine?debug=2", "/debug/pprof/profile?seconds=1", "/debug/pprof/cmdline", "/pprof/heap" }
local closed = { "/", "/hint", "/lab/", "/lab/captures", "/lab/progress", "/lab/classes", "/lab/api/load", "/nope" }

local function from(origin) return "-H", "Origin: " .. origin end

local function preflight(lab, path, origin, method, ...)
  return lab:get(path, "-X", "OPTIONS", "-H", "Origin: " .. origin, "-H",
    "Access-Control-Request-Method: " .. method, ...)
end

-- No page learns anything.
local function check_closed(answer, what)
  t.equal(answer.headers["access-control-allow-origin"], nil, what)
  t.equal(answer.headers["access-control-allow-methods"], nil, what)
  t.equal(answer.headers["timing-allow-origin"], nil, what)
end

t.test("without the flag no other origin may read", function()
  local lab = t.start()
  for _, path in ipairs { "/metrics", "/debug/pprof/heap", "/" } do
    local answer = lab:get(path, from(VIEWER))
    check_closed(answer, path)
    t.check(not (answer.headers.vary or ""):find("Origin"), path)
    t.equal(preflight(lab, path, VIEWER, "GET").status, 403, path)
  end
  t.equal(lab:stop(), 0)
end)

t.test("origins that are named may read, and no other", function()
  local lab = t.start("--allow-origin", VIEWER .. ", " .. OTHER, "--allow-origin", "HTTP://[::1]:99")
  for _, path in ipairs(reading) do
    for _, origin in ipairs { VIEWER, OTHER, "http://[::1]:99" } do
      if origin == VIEWER or path == "/metrics" then
        local answer = lab:get(path, from(origin))
        t.equal(answer.status, 200, path)
        t.equal(answer.headers["access-control-allow-origin"], origin, path)
        t.equal(answer.headers["timing-allow-origin"], origin, path)
        t.has(answer.headers["access-control-expose-headers"], "Server-Timing")
      end
    end
    local answer = preflight(lab, path, VIEWER, "GET")
    t.equal(answer.status, 204, path)
    t.equal(answer.headers["access-control-allow-origin"], VIEWER, path)
    t.equal(answer.headers["access-control-allow-methods"], "GET, HEAD", path)
    t.equal(answer.headers["access-control-allow-private-network"], nil, path)
    t.equal(answer.body, "")
  end
  local near = { "https://viewer.example:8443", "http://viewer.example", "https://viewer.example.evil.example",
    "https://evil.example", "https://VIEWER.example", "null", VIEWER .. "/", OTHER .. "0" }
  for _, origin in ipairs(near) do
    local answer = lab:get("/debug/vars", from(origin))
    t.equal(answer.status, 200, "its answer stays hidden: " .. origin)
    check_closed(answer, origin)
    t.has(answer.headers.vary, "Origin", "no cache takes it for another's")
    answer = preflight(lab, "/debug/vars", origin, "GET")
    t.equal(answer.status, 403, origin)
    check_closed(answer, origin)
  end
  local answer = preflight(lab, "/metrics", VIEWER, "GET", "-H", "Access-Control-Request-Private-Network: true")
  t.equal(answer.headers["access-control-allow-private-network"], "true")
  answer = lab:get("/metrics", "-I", "-H", "Origin: " .. VIEWER)
  t.equal(answer.headers["access-control-allow-origin"], VIEWER, "HEAD")
  answer = lab:get("/debug/pprof/heab", from(VIEWER))
  t.equal(answer.status, 404)
  t.equal(answer.headers["access-control-allow-origin"], VIEWER, "so that the page can show what is wrong")
  t.equal(lab:stop(), 0)
end)

t.test("pages that may read may record, too, and others may not", function()
  local lab = t.start("--allow-origin", VIEWER)
  local recording = { "/debug/pprof/trace?seconds=0.1", "/debug/pprof/trace?last=1s", "/debug/pprof/profile?seconds=1",
    "/debug/pprof/wall?seconds=1", "/debug/fgprof?seconds=1", "/pprof/profile?seconds=1",
    "/debug/pprof/heap?seconds=1", "/debug/pprof/mutex?debug=0&second%73=1", "/debug/pprof/heap?gc=1",
    "/debug/pprof/goroutineleak", "/debug/pprof/goroutineleak?debug=1" }
  local function count()
    return select(2, lab:get("/lab/captures?format=json").body:gsub('"id": "c', ""))
  end
  for _, path in ipairs(recording) do
    for _, header in ipairs { "Origin: " .. OTHER, "Sec-Fetch-Site: cross-site" } do
      local answer = lab:get(path, "-H", header)
      t.equal(answer.status, 403, path)
      check_closed(answer, path)
    end
    t.equal(preflight(lab, path, OTHER, "GET").status, 403, path)
  end
  t.equal(count(), 0)
  for _, path in ipairs(recording) do
    local answer = lab:get(path, "-H", "Sec-Fetch-Site: cross-site", from(VIEWER))
    t.equal(answer.status, 200, path)
    t.equal(answer.headers["access-control-allow-origin"], VIEWER, path)
    t.equal(preflight(lab, path, VIEWER, "GET").status, 204, path)
  end
  t.equal(count(), #recording, "they are evidence, as the student has them")
  t.equal(lab:stop(), 0)
end)

-- Of both forms of the flag.
for _, origin in ipairs { VIEWER, "*" } do
  t.test("what changes the lab stays closed with " .. origin, function()
    local lab = t.start("--allow-origin", origin)
    for _, path in ipairs(closed) do
      check_closed(lab:get(path, from(VIEWER)), path)
      local answer = preflight(lab, path, VIEWER, "GET")
      t.equal(answer.status, 403, path)
      check_closed(answer, path)
    end
    for _, path in ipairs { "/goto?step=4", "/lab/answer", "/lab/go" } do
      local answer = lab:post(path, "", from(VIEWER))
      t.equal(answer.status, 403, path)
      check_closed(answer, path)
      t.equal(preflight(lab, path, VIEWER, "POST").status, 403, path)
    end
    t.equal(lab:get("/goto?step=4", from(VIEWER)).status, 403)
    for _, method in ipairs { "POST", "DELETE", "PUT" } do
      local answer = preflight(lab, "/debug/pprof/symbol", VIEWER, method)
      t.equal(answer.status, 403, method)
      check_closed(answer, method)
      t.equal(lab:get("/debug/pprof/symbol", "-X", method, from(VIEWER)).status, 403, method)
    end
    -- DNS rebinding: the name must be right, too.
    for what, answer in pairs {
      host = lab:get("/debug/vars", "-H", "Host: evil.example", from(VIEWER)),
      ["host, asked before"] = preflight(lab, "/debug/vars", VIEWER, "GET", "-H", "Host: evil.example"),
      ["two origins"] = lab:get("/debug/vars", "-H", "Origin: " .. VIEWER, from(OTHER)),
    } do
      t.equal(answer.status, 403, what)
      check_closed(answer, what)
    end
    t.equal(lab:get("/").body, "hello world", "still in step 0")
    t.equal(lab:stop(), 0)
  end)
end

t.test("* lets any page read, and the log warns", function()
  local lab = t.start("--allow-origin", "*")
  lab:wait_log("--allow-origin *: any web page")
  for _, origin in ipairs { VIEWER, "null", "http://x.example:1" } do
    local answer = lab:get("/debug/pprof/heap", from(origin))
    t.equal(answer.headers["access-control-allow-origin"], "*")
    t.equal(preflight(lab, "/metrics", origin, "HEAD").status, 204)
  end
  t.equal(lab:get("/debug/pprof/heap").headers["access-control-allow-origin"], "*", "a cache may give it to anybody")
  t.equal(lab:stop(), 0)
end)

t.test("what is no origin is refused at the start", function()
  local shape = "an origin is like https://viewer.example or http://localhost:8080, and nothing follows"
  local wrong = {
    [""] = shape, ["viewer.example"] = shape, ["https://"] = shape, ["https://viewer.example/"] = shape,
    ["https://viewer.example/app"] = shape, ["https://me@viewer.example"] = shape, ["//viewer.example"] = shape,
    ["https://a b.example"] = shape, ["http://localhost:0"] = shape, ["http://localhost:99999"] = shape,
    ["http://localhost:"] = shape, ["http://[::1"] = shape, ["9p://x"] = shape,
    ["https://a.example,,https://b.example"] = shape, ["https://a.example\r\nX: y"] = shape,
    null = "any file and many frames have this origin",
    ["https://*.example"] = "name each origin; only a * alone means any",
    ["https://viewer.example:443"] = "browsers leave this port out, so leave it out here",
    ["HTTP://viewer.example:80"] = "browsers leave this port out, so leave it out here",
  }
  for origin, text in pairs(wrong) do
    local run = t.run(t.command { t.diaglab, "--listen", "127.0.0.1:0", "--allow-origin", origin })
    t.equal(run.code, 2, origin)
    t.has(run.err, "diaglab: --allow-origin: \"", origin)
    t.has(run.err, text, origin)
  end
end)

t.finish()
