-- SPDX-License-Identifier: MIT
-- client.get(url) -> { status =, headers =, body =, seconds =, failure = }
-- One GET over a connection of its own, by LuaSocket. Names of headers are in
-- lower case. failure is nil, or says why there is no whole answer; body is what
-- came of it.
local http = require "socket.http"
local socket = require "socket"
local client = {}

http.TIMEOUT = 120 -- seconds without a byte

local function split_url(url)
  local authority, path = url:match("^http://([^/]+)(.*)$")
  local host, port = authority:match("^(.-):?(%d*)$")
  if authority:find("^%[") then host, port = authority:match("^%[(.*)%]:?(%d*)$") end
  return authority, host, tonumber(port) or 80, path == "" and "/" or path
end

-- Raises what went wrong; the connection closes itself then.
local function exchange(url, answer, parts)
  local authority, host, port, path = split_url(url)
  local connection = http.open(host, port, socket.tcp)
  connection:sendrequestline("GET", path)
  connection:sendheaders { host = authority, accept = "*/*" }
  answer.status = assert(connection:receivestatusline())
  answer.headers = connection:receiveheaders()
  if answer.status ~= 204 and answer.status ~= 304 then
    connection:receivebody(answer.headers, function(bytes)
      parts[#parts + 1] = bytes
      return 1
    end)
  end
  connection:close()
end

function client.get(url)
  local answer, parts, began = {}, {}, socket.gettime()
  local whole, failure = pcall(exchange, url, answer, parts)
  if not whole then answer.failure = type(failure) == "table" and failure[1] or failure end
  answer.body = table.concat(parts)
  answer.seconds = socket.gettime() - began
  return answer
end

return client
