-- SPDX-License-Identifier: MIT
-- ./lab in a tree whose build was made elsewhere: a copy, or a container's mount.
-- Programs that only write down how they were called stand for cmake and ninja.
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

t.finish()
