-- SPDX-License-Identifier: MIT
-- needs: processor
-- The packages as ./lab package makes them, of the program under test: what is in
-- them and what they say, that two are the same, and that the archive runs where it
-- is unpacked. tests/clean/package installs them in a fresh Debian.
local t = require "harness"
t.need("cmake", "cpack", "dpkg-deb", "dpkg-shlibdeps", "xz", "tar", "readelf")
if t.is_sanitized() then t.skip("packages are made of a release build") end

local build = t.diaglab:match("^(.*)/")

-- Packs with GENERATOR -> the path of what is made. UMASK is that of who packs;
-- OPTION is cpack's.
local function pack(generator, umask, option)
  local out = t.temp_dir()
  local result = t.run(("cd %s && umask %s && cpack -G %s -B %s %s")
    :format(t.quote(build), umask or "022", generator, out, option or ""))
  t.equal(result.code, 0, result.out .. result.err)
  for _, name in ipairs(t.names(out)) do
    if name:find("%.deb$") or name:find("%.tar%.xz$") then return out .. "/" .. name end
  end
  error("no package: " .. result.out)
end

local function output_of(...)
  local result = t.run(t.command { ... })
  t.equal(result.code, 0, result.err)
  return result.out
end

local version = output_of(t.diaglab, "--version"):match("^diaglab (%S+)")

-- ---- the Debian package ----------------------------------------------------------

local function check_control(deb)
  local control = output_of("dpkg-deb", "-I", deb, "control")
  local function field(name) return t.match("\n" .. control, "\n" .. name .. ": ([^\n]*)") end
  local upstream, revision = t.match(field "Version", "^(.*)%-(1[~%w.]*)$")
  t.equal(upstream, version, "the package and the program say the same version")
  t.match(deb, "/diaglab_[^/]*" .. revision .. "_%w+%.deb$")
  t.match(field "Depends", "libc6 %(>= 2%.%d+%)", "what dpkg-shlibdeps has found")
  t.match(field "Depends", "libdw1", "what is loaded later")
  local recommended = ", " .. field "Recommends" .. ","
  for name in t.match(t.read(t.source .. "/README.md"), "apt%-get install ([^`]*)`"):gmatch("%S+") do
    t.has(recommended, ", " .. name .. ",", "README's tools come with it")
  end
  t.check(not control:find("&%w+;"), "no escapes: " .. control)
end

local FILES = { "bin/diaglab", "lib/systemd/system/diaglab.service", "share/man/man1/diaglab.1.gz",
  "share/bash-completion/completions/diaglab", "share/zsh/vendor-completions/_diaglab",
  "share/fish/vendor_completions.d/diaglab.fish", "share/gdb/auto-load/usr/bin/diaglab-gdb.py",
  "share/diaglab/scenarios/04-export/scenario.lua", "share/diaglab/docs/handbook/README.md",
  "share/diaglab/README.md", "include/diaglab/primitive.h",
  "share/diaglab/lua/types/lab.lua", "share/diaglab/lua/types/lesson.lua",
  "share/doc/diaglab/copyright", "share/doc/diaglab/changelog.Debian.gz", "share/lintian/overrides/diaglab" }

-- Each relative link of a document leads to a file.
local function check_links(root)
  local n = 0
  for file in output_of("find", root, "-name", "*.md"):gmatch("[^\n]+") do
    for link in t.read(file):gmatch("%]%(([^)#]+)") do
      if not link:find("^%a+:") then
        n = n + 1
        local f = io.open(file:match("^(.*)/") .. "/" .. link)
        t.check(f, ("%s: %s leads nowhere"):format(file, link))
        f:close()
      end
    end
  end
  t.check(n > 50, n .. " links")
end

t.long("what is in the Debian package, and what it says", function()
  -- gzip takes a tenth of the time that xz does.
  local deb, dir = pack("DEB", "022", "-D CPACK_DEBIAN_COMPRESSION_TYPE=gzip"), t.temp_dir()
  check_control(deb)
  output_of("dpkg-deb", "-R", deb, dir)
  for _, name in ipairs(FILES) do t.check(t.read(dir .. "/usr/" .. name), name .. " is there") end
  t.equal(output_of("find", dir .. "/usr", "!", "-perm", "-o+r"), "", "everybody can read it")
  t.has(output_of("readelf", "-S", dir .. "/usr/bin/diaglab"), ".symtab")
  t.equal(output_of("cmp", t.diaglab, dir .. "/usr/bin/diaglab"), "")
  local copyright = t.read(dir .. "/usr/share/doc/diaglab/copyright")
  for _, library in ipairs { "MIT License", "lua5.4", "libuv1", "zlib1g", "jemalloc", "llhttp" } do
    t.has(copyright, library)
  end
  t.has(output_of("zcat", dir .. "/usr/share/doc/diaglab/changelog.Debian.gz"), "diaglab (" .. version)
  check_links(dir .. "/usr/share/diaglab")
end)

t.test("the service's file is right, and listens on loopback only", function()
  local unit = t.read(t.source .. "/tools/package/diaglab.service")
  t.match(unit, "\nExecStart=/usr/bin/diaglab %-%-listen localhost:6060 ")
  for _, line in ipairs { "DynamicUser=yes", "IPAddressDeny=any", "CapabilityBoundingSet=", "NoNewPrivileges=yes" } do
    t.has(unit, "\n" .. line .. "\n")
  end
  if not t.have("systemd-analyze") then return print("not verified: there is no systemd-analyze") end
  local dir = t.temp_dir()
  t.write(dir .. "/diaglab.service", (unit:gsub("/usr/bin/diaglab", t.diaglab)))
  local result = t.run(t.command { "systemd-analyze", "verify", "--man=no", dir .. "/diaglab.service" })
  t.check(not result.err:find("diaglab.service", 1, true), result.err)
end)

-- The names of the system calls in systemd's set SET, as a set.
local function calls_of(set, calls)
  calls = calls or {}
  for name in output_of("systemd-analyze", "syscall-filter", set):gmatch("\n +([@%w_-]+)") do
    if name:find("^@") then calls_of(name, calls) else calls[name] = true end
  end
  return calls
end

t.long("the service may call what the lab calls", function()
  if not (t.have("systemd-analyze") and t.have("strace")) then return print("not checked: systemd-analyze, strace") end
  local dir = t.temp_dir()
  local allowed = {}
  for word in t.match(t.read(t.source .. "/tools/package/diaglab.service"), "\nSystemCallFilter=([^\n]*)")
    :gmatch("%S+") do
    if word:find("^@") then calls_of(word, allowed) else allowed[word] = true end
  end
  local lab = t.start("--step", "6", "--state", dir .. "/state")
  local tracer = t.spawn(t.command { "strace", "-f", "-qq", "-o", dir .. "/calls", "-p", lab.pid })
  t.eventually(function()
    lab:get("/")
    return (t.read(dir .. "/calls") or "") ~= ""
  end)
  for _, step in ipairs { 1, 3, 12, 21, 5 } do
    lab:go_to(step)
    lab:get("/", "--max-time", "2")
  end
  for _, path in ipairs { "profile?seconds=1", "heap", "trace?seconds=1", "wall?seconds=1" } do
    t.equal(lab:get("/debug/pprof/" .. path).status, 200, path)
  end
  t.equal(lab:get("/lab/").status, 200)
  lab:leave()
  t.equal(lab:stop(), 0)
  tracer:wait()
  local used, n = {}, 0
  for name in t.read(dir .. "/calls"):gmatch("\n%d+ +([%l%d_]+)%(") do
    if not used[name] then used[name], n = true, n + 1 end
  end
  for name in pairs(used) do t.check(allowed[name], name .. " is not allowed by diaglab.service") end
  t.check(n > 30 and used.perf_event_open, n .. " system calls")
end)

t.long("lintian finds no errors", function()
  if not t.have("lintian") then return print("not checked: there is no lintian, which ./lab package installs") end
  local result = t.run(t.command { "lintian", "--allow-root", "--fail-on", "error,warning", pack "DEB" })
  t.equal(result.code, 0, result.out)
end)

t.long("two packages are the same", function()
  for _, generator in ipairs { "DEB", "External" } do
    output_of("cmp", pack(generator), pack(generator, generator == "DEB" and "022" or "077"))
  end
end)

-- ---- the archive -----------------------------------------------------------------

t.long("the archive runs where it is unpacked", function()
  local archive, dir = pack "External", t.temp_dir() .. "/a place"
  output_of("mkdir", dir)
  output_of("tar", "-C", dir, "-xf", archive)
  local names = t.names(dir)
  t.equal(#names, 1, "one folder")
  t.match(names[1], "^diaglab%-.*%-linux%-[%w_]+$")
  local root = dir .. "/" .. names[1]
  t.has(output_of("tar", "--numeric-owner", "-tvf", archive), "rwxr-xr-x 0/0")
  local lab = t.start_as(root .. "/bin/diaglab", t.start, "--step", "4", "--param", "4.rounds=1",
    "--memprofile-rate", "1")
  t.equal(lab:get("/").body, "hello world")
  t.has(lab:get("/debug/pprof/heap?debug=1").body, root .. "/share/diaglab/scenarios/04-export/scenario.lua:")
  t.equal(lab:stop(), 0)
  check_links(root .. "/share/diaglab")
end)

t.finish()
