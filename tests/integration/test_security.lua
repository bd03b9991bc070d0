-- SPDX-License-Identifier: MIT
-- Other people's web pages and the lab: DNS rebinding, and requests that a
-- page makes a browser send. Tools, which send no Origin, are not hindered.
local t = require "harness"
t.need("curl")

local function refused(answer, text, what)
  t.equal(answer.status, 403, what)
  t.equal(answer.headers["content-type"], "text/plain; charset=utf-8", what)
  t.has(answer.body, text, what)
end

local paths = { "/", "/goto?step=0", "/debug/pprof/", "/debug/pprof/heap", "/debug/vars", "/nope" }

t.test("a Host that isn't ours is refused everywhere", function()
  local lab = t.start()
  for _, path in ipairs(paths) do
    for _, host in ipairs { "evil.example", "evil.example:" .. lab.port, "127.0.0.1.evil.example",
      "localhost.evil.example", "192.0.2.1" } do
      refused(lab:get(path, "-H", "Host: " .. host), "host name", host .. path)
    end
  end
  for _, host in ipairs { "localhost", "LOCALHOST:1", "127.0.0.1", "127.8.9.1:80", "[::1]", "[::1]:99" } do
    t.equal(lab:get("/", "-H", "Host: " .. host).status, 200, host)
  end
end)

t.test("--host allows a name, in any case, with any port", function()
  local lab = t.start("--host", "lab.example", "--host", "other.example")
  t.equal(lab:get("/", "-H", "Host: lab.example").status, 200)
  t.equal(lab:get("/", "-H", "Host: LAB.example:6060").status, 200)
  t.equal(lab:get("/", "-H", "Host: other.example").status, 200)
  refused(lab:get("/", "-H", "Host: sub.lab.example"), "host name")
end)

-- 0.0.0.0 isn't an address of this machine alone, though a client here may use it.
t.test("--check-host: names of the network's requests, too", function()
  local open = t.start("--listen", "0.0.0.0:0")
  local checked = t.start("--listen", "0.0.0.0:0", "--check-host", "--host", "lab")
  for _, host in ipairs { "evil.example", "192.0.2.1:6060" } do
    t.equal(open:get("/", "-H", "Host: " .. host).status, 200, host)
    refused(checked:get("/", "-H", "Host: " .. host), "host name", host)
  end
  for _, host in ipairs { "localhost:6060", "127.0.0.1", "lab:6060" } do
    t.equal(checked:get("/", "-H", "Host: " .. host).status, 200, host)
  end
end)

t.test("a page of another origin can't change anything", function()
  local lab = t.start()
  local own = "http://127.0.0.1:" .. lab.port
  local foreign = { "Origin: http://evil.example", "Origin: null", "Origin: https://127.0.0.1:" .. lab.port,
    "Origin: http://127.0.0.1:1", "Sec-Fetch-Site: cross-site", "Sec-Fetch-Site: same-site" }
  for _, header in ipairs(foreign) do
    refused(lab:get("/goto?step=4", "-H", header), "another", header)
    refused(lab:post("/goto?step=4", "", "-H", header), "another", header)
    refused(lab:post("/", "", "-H", header), "another", header)
    refused(lab:get("/", "-X", "DELETE", "-H", header), "another", header)
    t.equal(lab:get("/", "-H", header).status, 200, "reading: " .. header)
  end
  t.equal(lab:get("/goto?step=0", "-H", "Origin: " .. own).status, 200)
  t.equal(lab:get("/goto?step=0", "-H", "Sec-Fetch-Site: same-origin").status, 200)
  t.equal(lab:get("/goto?step=0", "-H", "Sec-Fetch-Site: none").status, 200, "typed by the user")
  t.equal(lab:get("/").body, "hello world", "still in step 0")
end)

-- The three ways by which a browser says that a page isn't the lab's own.
local FOREIGN = { "Origin: http://evil.example", "Sec-Fetch-Site: cross-site", "Sec-Fetch-Site: same-site" }

t.test("an image of a foreign page takes no hint, and records nothing", function()
  local lab = t.start("--step", "4", "--hints", "0", "--state", t.temp_dir())
  local state = lab:get("/lab/progress?format=json").body
  for _, header in ipairs(FOREIGN) do
    for _, path in ipairs { "/hint", "/hint?n=1&format=json", "/debug/pprof/trace?seconds=0.1",
      "/debug/pprof/trace?last=1s", "/debug/pprof/profile?seconds=1", "/debug/pprof/wall?seconds=1",
      "/debug/fgprof?seconds=1", "/pprof/profile?seconds=1" } do
      for _, option in ipairs { "-G", "-I" } do
        t.equal(lab:get(path, option, "-H", header).status, 403, header .. " " .. option .. " " .. path)
      end
    end
  end
  t.equal(lab:get("/lab/progress?format=json").body, state)
  t.equal(lab:get("/hint?n=2").body, "hint 1 comes first: ask for /hint?n=1\n")
  t.equal(lab:get("/hint", "-I").status, 405, "HEAD changes nothing")
  t.equal(lab:get("/hint?n=2").status, 409)
  for _, site in ipairs { "none", "same-origin" } do
    local header = "Sec-Fetch-Site: " .. site
    t.equal(lab:get("/hint", "-H", header).status, 200, site)
    for _, name in ipairs { "trace?seconds=0.1", "profile?seconds=1", "wall?seconds=1" } do
      t.equal(lab:get("/debug/pprof/" .. name, "-H", header).status, 200, site .. " " .. name)
    end
  end
  t.equal(lab:stop(), 0)
end)

t.test("what a foreign page looks at is no evidence of the student's", function()
  local lab = t.start("--step", "4")
  local function count()
    return select(2, lab:get("/lab/captures?format=json").body:gsub('"id": "c', ""))
  end
  local looks = { "/metrics", "/debug/vars", "/debug/pprof/heap", "/debug/pprof/heap?debug=1", "/pprof/heap",
    "/debug/pprof/goroutine?debug=2" }
  for _, header in ipairs(FOREIGN) do
    for _, path in ipairs(looks) do t.equal(lab:get(path, "-H", header).status, 200, path) end
  end
  t.equal(count(), 0)
  for _, path in ipairs(looks) do lab:get(path, "-H", "Sec-Fetch-Site: none") end
  t.equal(count(), #looks)
  t.equal(lab:stop(), 0)
end)

t.finish()
