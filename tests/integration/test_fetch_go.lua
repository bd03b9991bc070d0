-- SPDX-License-Identifier: MIT
-- tools/fetch-go says what is wrong, and leaves nothing behind. (What it fetches is
-- tried by tests/clients, in long runs.)
local t = require "harness"
t.need("apt-get", "dpkg-deb")

-- In a copy of the tree's tools, so that nothing comes into the tree.
local function fetch(setting, ...)
  local root = t.temp_dir()
  t.run(("mkdir %s/tools && cp %s/tools/fetch-go %s/tools"):format(root, t.quote(t.source), root))
  local ran = t.run(setting .. t.command { root .. "/tools/fetch-go", ... })
  return ran, t.names(root .. "/build/go")
end

t.test("it refuses what is no version", function()
  for _, word in ipairs { "x", "1.27/../..", "-1", "1.", ".27", "" } do
    local ran, left = fetch("", word)
    t.equal(ran.code, 1)
    t.equal(ran.err, "fetch-go: which version? Such as tools/fetch-go 1.27\n")
    t.equal(#left, 0)
  end
  local ran = t.run(t.command { t.source .. "/lab", "setup", "--go" })
  t.equal(ran.code, 1)
  t.has(ran.err, "fetch-go: which version?")
end)

t.test("a mirror that doesn't answer", function()
  if not t.read("/usr/share/keyrings/debian-archive-keyring.gpg") then return end
  local ran, left = fetch(("MIRROR=http://127.0.0.1:%d "):format(t.free_port()), "1.98")
  t.equal(ran.code, 1)
  t.equal(ran.out, "")
  t.has(ran.err, "fetch-go: apt-get update failed: ")
  t.equal(#left, 0, "nothing is left")
end)

t.finish()
