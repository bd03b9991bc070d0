-- SPDX-License-Identifier: MIT
-- The servers that diaglab is compared with in starting and in requests: the port
-- and the command of each.
--
-- peers.lua(t, build) -> peers      t: the tests' harness; build: the build folder

local t, build = ...
local peers = {}

-- Below those that the kernel gives to clients, which could connect to
-- themselves.
function peers.free_port()
  for port = 10000 + math.random(20000), 32000 do
    if t.http("http://127.0.0.1:" .. port).failure then return port end
  end
end

-- The same answer from Lua code in other servers. Each takes keep-alive
-- connections for ever, has one process, and writes no log.
local LIGHTTPD = [[
server.bind = "127.0.0.1"
server.port = %d
server.document-root = "%s"
server.errorlog = "/dev/null"
server.modules = ("mod_magnet")
server.max-keep-alive-requests = 65535
magnet.attract-raw-url-to = ("%s/hello.lua")
]]
local MAGNET = [[
lighty.header["Content-Type"] = "text/plain; charset=utf-8"
lighty.content = { "hello world" }
return 200
]]
local NGINX = [[
daemon off;
master_process off;
error_log /dev/null crit;
pid %s/pid;
load_module /usr/lib/nginx/modules/ndk_http_module.so;
load_module /usr/lib/nginx/modules/ngx_http_lua_module.so;
events { worker_connections 1024; }
http {
  access_log off;
  keepalive_requests 1000000000;
  server {
    listen 127.0.0.1:%d;
    location / {
      default_type "text/plain; charset=utf-8";
      content_by_lua_block {
        ngx.header.content_length = 11
        ngx.print("hello world")
      }
    }
  }
}
]]

-- The port and the command of each.
function peers.lighttpd()
  local dir, port = t.temp_dir(), peers.free_port()
  t.write(dir .. "/hello.lua", MAGNET)
  t.write(dir .. "/conf", LIGHTTPD:format(port, dir, dir))
  return port, { "lighttpd", "-D", "-f", dir .. "/conf" }
end

function peers.nginx()
  local dir, port = t.temp_dir(), peers.free_port()
  t.write(dir .. "/conf", NGINX:format(dir, port))
  return port, { "nginx", "-c", dir .. "/conf" }
end

function peers.go()
  local port = peers.free_port()
  return port, { build .. "/tests/peer", "127.0.0.1:" .. port }
end

function peers.lab()
  local port = peers.free_port()
  return port, { t.diaglab, "--listen", "127.0.0.1:" .. port }
end

return peers
