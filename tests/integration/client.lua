-- SPDX-License-Identifier: MIT
-- Requests of HTTP without a process of their own, by LuaSocket: curl takes 17 ms
-- of CPU time for one, which was a third of all that the tests took.
--
--   client.get(url)            -> answer
--   client.request(url, words) -> answer, or nothing where the WORDS, options of
--                                 curl, are others than those below
--
-- An answer is { status =, headers =, body =, seconds =, failure = }. Names of
-- headers are in lower case. failure is nil, or says why there is no whole answer;
-- body is what came of it. Each request has a connection of its own.
local http = require "socket.http"
local socket = require "socket"
local client = {}

http.TIMEOUT = 120 -- seconds without a byte
local MOST = 16384 -- bytes of a body; with a large one curl also handles an early answer

local function split_url(url)
  local authority, path = url:match("^http://([^/]+)(.*)$")
  local host, port = authority:match("^(.-):?(%d*)$")
  if authority:find("^%[") then host, port = authority:match("^%[(.*)%]:?(%d*)$") end
  return authority, host, tonumber(port) or 80, path == "" and "/" or path
end

local function escape(text)
  return (text:gsub("[^%w._~-]", function(c) return ("%%%02X"):format(c:byte()) end))
end

-- ---- options of curl ------------------------------------------------------------

local read = {}

read["-X"] = function(r, word) r.method = word end
read["-A"] = function(r, word) r.headers["user-agent"] = { "User-Agent", word } end
read["--max-time"] = function(r, word) r.seconds = tonumber(word) end

read["-H"] = function(r, word)
  local name, value = word:match("^([%w-]+): (.+)$")
  if not name or r.headers[name:lower()] and r.headers[name:lower()].given then return false end
  r.headers[name:lower()] = { name, value, given = true }
end

read["--data-binary"] = function(r, word)
  if word:sub(1, 1) == "@" or #word > MOST then return false end
  r.body = (r.body and r.body .. "&" or "") .. word
end

read["-d"] = function(r, word)
  if word:find("[\r\n]") then return false end
  return read["--data-binary"](r, word)
end

read["--data-urlencode"] = function(r, word)
  local name, value = word:match("^([^=@]+)=(.*)$")
  return name ~= nil and read["--data-binary"](r, name .. "=" .. escape(value))
end

-- What curl would send for WORDS, or nil.
local function read_words(words)
  local r = { headers = { ["user-agent"] = { "User-Agent", "curl/8" }, accept = { "Accept", "*/*" } } }
  for i = 1, #words, 2 do
    local take = read[words[i]]
    if not take or words[i + 1] == nil or take(r, tostring(words[i + 1])) == false then return nil end
  end
  local headers = r.headers
  if headers.expect or headers["transfer-encoding"] or headers["content-length"] then return nil end
  if r.method == "HEAD" then return nil end
  if r.body then
    headers["content-length"] = { "Content-Length", #r.body }
    headers["content-type"] = headers["content-type"] or { "Content-Type", "application/x-www-form-urlencoded" }
  end
  r.method = r.method or r.body and "POST" or "GET"
  return r
end

-- ---- the exchange ---------------------------------------------------------------

local function send(connection, r, authority, path)
  local lines = { ("%s %s HTTP/1.1"):format(r.method, path) }
  if not r.headers.host then lines[2] = "Host: " .. authority end
  for _, header in pairs(r.headers) do lines[#lines + 1] = ("%s: %s"):format(header[1], header[2]) end
  connection.try(connection.c:send(table.concat(lines, "\r\n") .. "\r\n\r\n" .. (r.body or "")))
end

-- Raises what went wrong; the connection closes itself then.
local function exchange(url, r, answer, parts)
  local authority, host, port, path = split_url(url)
  local connection = http.open(host, port, socket.tcp)
  if r.seconds then connection.c:settimeout(r.seconds, "t") end
  send(connection, r, authority, path)
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

local function ask(url, r)
  local answer, parts, began = {}, {}, socket.gettime()
  local whole, failure = pcall(exchange, url, r, answer, parts)
  if not whole then
    failure = type(failure) == "table" and failure[1] or failure
    answer.failure = failure == "timeout" and "timed out" or failure
  end
  answer.headers = answer.headers or {}
  answer.body = table.concat(parts)
  answer.seconds = socket.gettime() - began
  return answer
end

function client.get(url) return ask(url, { method = "GET", headers = { accept = { "Accept", "*/*" } } }) end

function client.request(url, words)
  local r = read_words(words)
  return r and ask(url, r)
end

return client
