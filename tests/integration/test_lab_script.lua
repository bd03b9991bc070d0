-- SPDX-License-Identifier: MIT
-- ./lab in a tree whose build was made elsewhere: a copy, or a container's mount.
-- Programs that only write down how they were called stand for cmake and ninja.
-- And which packages it installs where there are none.
local t = require "harness"

local FAKE = "#!/bin/sh\necho \"$(basename \"$0\") $*\" >>\"$CALLS\"\n"

-- A tree with ./lab, and a build/release that was made for HOME.
local function make_tree(home)
  local tree = t.temp_dir()
  for _, name in ipairs { "cmake", "ninja" } do t.write(tree .. "/" .. name, FAKE) end
  t.run(("cd %s && cp %s/lab . && mkdir -p build/release && chmod +x cmake ninja"):format(tree, t.source))
  local cache = ("A:BOOL=ON\nCMAKE_HOME_DIRECTORY:INTERNAL=%s\n"):format(home or tree)
  t.write(tree .. "/build/release/CMakeCache.txt", cache)
  t.write(tree .. "/build/release/build.ninja", "")
  return tree
end

-- ./lab build, as it is called in DIR -> what it says, what it calls
local function build(tree, dir)
  local calls = t.temp_file()
  local ran = t.run(("cd %s && CALLS=%s LAB_SETUP=no PATH=%s:$PATH ./lab build"):format(dir, calls, tree))
  t.equal(ran.code, 0, ran.err)
  return ran.err, t.read(calls)
end

t.test("it is built anew", function()
  for _, home in ipairs { "/nonexistent/diaglab", "/tmp", "" } do
    local tree = make_tree(home)
    local said, calls = build(tree, tree)
    t.has(said, "building anew")
    t.has(calls, "cmake --preset release -DLAB_TESTS=OFF\n")
    t.check(not t.read(tree .. "/build/release/CMakeCache.txt"), "the old build is gone")
  end
end)

t.test("by another name of the same tree it is not", function()
  local tree, link = make_tree(), t.temp_dir() .. "/link"
  t.run(t.command { "ln", "-s", tree, link })
  for _, dir in ipairs { tree, link } do
    local said, calls = build(tree, dir)
    t.check(not said:find("anew", 1, true), said)
    t.check(not calls:find("cmake", 1, true), calls)
    t.check(t.read(tree .. "/build/release/CMakeCache.txt"), "it is there")
  end
end)

-- `./lab VERB...` where no package is installed, and no npm -> those that it installs.
local function installed_by(...)
  local tree, calls = make_tree(), t.temp_file()
  local bin = tree .. "/bin"
  t.run(("mkdir %s && ln -s /usr/bin/* %s && cd %s && rm -f npm cmake ninja ctest dpkg-query apt-get sudo setarch")
    :format(bin, bin, bin))
  for _, name in ipairs { "cmake", "ninja", "ctest", "apt-get", "setarch" } do t.write(bin .. "/" .. name, FAKE) end
  t.write(bin .. "/dpkg-query", "#!/bin/sh\nexit 1\n")
  t.write(bin .. "/sudo", '#!/bin/sh\nexec "$@"\n')
  t.run(("cd %s && chmod +x apt-get cmake ninja ctest setarch dpkg-query sudo"):format(bin))
  local ran = t.run(("cd %s && CALLS=%s PATH=%s %s"):format(tree, calls, bin, t.command { "./lab", ... }))
  t.equal(ran.code, 0, ran.err)
  local packages = {}
  for list in t.read(calls):gmatch("apt%-get [^\n]*%f[%w]install ([^\n]*)") do
    for name in list:gmatch("%f[^%s][%w][^%s]*") do packages[name] = true end
  end
  return packages
end

t.test("what a verb needs is installed", function()
  local packages = installed_by("check")
  for _, name in ipairs { "cmake", "lua5.4", "valgrind", "lintian", "systemd" } do t.check(packages[name], name) end
  t.check(installed_by("build", "-DWEB_SPEEDSCOPE=ON").npm, "speedscope is npm's")
  t.equal(installed_by("build", "-DWEB_UI=OFF").npm, nil)
end)

t.finish()
