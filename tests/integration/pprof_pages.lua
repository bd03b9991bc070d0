-- SPDX-License-Identifier: MIT
-- The pages of `go tool pprof -http`, as a browser fetches them.
--
-- pprof_pages.look(go, file, name) -> "graph" or "flame graph": which page is first
--   Raises if a page fails, or lacks the function NAME. GO is the go command.
local t = require "harness"
local pprof_pages = {}

-- Pages that have the profile's functions in their HTML.
local WITH_NAMES = { "flamegraph", "top", "peek?f=.", "source?f=." }

-- The page, and the address at which it is.
local function get(url)
  local ran = t.run(t.command { "curl", "-sSfL", "--max-time", "60", "-w", "\n%{url_effective}", url })
  t.equal(ran.code, 0, url .. ": " .. ran.err)
  return t.match(ran.out, "^(.*)\n([^\n]+)$")
end

local function look_at_all(url, name)
  for _, page in ipairs(WITH_NAMES) do t.has((get(url .. "/ui/" .. page)), name, page) end
  local is_drawn = t.have("dot") -- which draws the graph
  local first, address = get(url .. "/")
  if not address:find("/ui/flamegraph", 1, true) then
    if is_drawn then t.has(first, name, "the graph") end
    return "graph"
  end
  if is_drawn then t.has((get(url .. "/ui/graph")), name, "the graph") end
  return "flame graph"
end

function pprof_pages.look(go, file, name)
  local server = t.spawn(("env BROWSER=true PPROF_TMPDIR=%s %s tool pprof -no_browser -http=127.0.0.1:%d %s"):format(
    t.quote(t.temp_dir()), go, t.free_port(), t.quote(file)))
  local url = t.eventually(function()
    if not server:alive() then error("pprof ended: " .. server:err():sub(1, 2000), 0) end
    return server:err():match("Serving web UI on (http://%S+)")
  end)
  local first = look_at_all(url, name)
  server:signal("KILL")
  server:wait()
  return first
end

return pprof_pages
