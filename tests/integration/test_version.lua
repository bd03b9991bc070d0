-- SPDX-License-Identifier: MIT
-- cmake/LabVersion.cmake, in a tree that has only that: which version and date
-- become of a commit, a tag, an archive, and of files without any of these.
local t = require "harness"
t.need("cmake", "git", "tar")

local PROJECT = [[
cmake_minimum_required(VERSION 3.25)
project(sample VERSION 0.1.0 LANGUAGES NONE)
include(cmake/LabVersion.cmake)
file(WRITE ${CMAKE_BINARY_DIR}/found "${LAB_VERSION} ${LAB_EPOCH}")
file(WRITE ${CMAKE_BINARY_DIR}/number "${LAB_VERSION_NUMBER}")
]]
local DATE = "2026-03-01T12:00:00+0000"
local SECONDS = "1772366400"

local function make_tree()
  local tree = t.temp_dir()
  t.run(("mkdir %s/cmake && cd %s && cp cmake/LabVersion.cmake cmake/*version* %s/cmake && cp .gitattributes %s")
    :format(tree, t.quote(t.source), tree, tree))
  t.write(tree .. "/CMakeLists.txt", PROJECT)
  return tree
end

local function git(tree, words)
  local result = t.run(("GIT_COMMITTER_DATE=%s git -C %s -c user.name=a -c user.email=a@example.org %s")
    :format(DATE, tree, words))
  t.equal(result.code, 0, words .. result.err)
  return (result.out:gsub("\n$", ""))
end

local function commit(tree)
  git(tree, "add .")
  git(tree, "commit -q --allow-empty -m step")
end

-- The version that is configured, with OPTION of cmake, and the date.
local function find_version(tree, option)
  local build = t.temp_dir()
  local result = t.run(("cmake -S %s -B %s %s"):format(tree, build, option or ""))
  t.equal(result.code, 0, result.err)
  local version, epoch = t.match(t.read(build .. "/found"), "^(%S+) (%S+)$")
  t.has(t.read(build .. "/generated/lab_version.h"), ('#define LAB_VERSION "%s"'):format(version))
  t.equal(t.read(build .. "/number"), t.match(version, "^[%d.]+"))
  return version, epoch
end

local function unpack_archive(tree)
  local copy = t.temp_dir()
  git(tree, ("archive HEAD | tar -x -C %s"):format(copy))
  return copy
end

-- The same of the tree, and of an archive of it.
local function check(tree, wanted)
  for _, place in ipairs { tree, unpack_archive(tree) } do
    local version, epoch = find_version(place)
    t.equal(version, wanted)
    t.equal(epoch, SECONDS)
  end
end

t.test("a tag, none yet, and commits after one", function()
  local tree = make_tree()
  git(tree, "init -q")
  commit(tree)
  local function hash() return "g" .. git(tree, "rev-parse HEAD"):sub(1, 7) end
  check(tree, "0.1.0~20260301." .. hash())
  git(tree, "tag v0.2.0-rc1")
  check(tree, "0.2.0~rc1")
  commit(tree)
  git(tree, "tag another-name")
  check(tree, "0.2.0~rc1+1." .. hash())
  git(tree, "tag v0.2.0")
  check(tree, "0.2.0")
  commit(tree)
  commit(tree)
  check(tree, "0.2.0+2." .. hash())
end)

t.test("a new tag, and a new commit, configure anew", function()
  if not t.have("ninja") then return end
  local tree, build = make_tree(), t.temp_dir()
  git(tree, "init -q")
  commit(tree)
  t.equal(t.run(("cmake -G Ninja -S %s -B %s"):format(tree, build)).code, 0)
  local function version()
    t.equal(t.run(("ninja -C %s"):format(build)).code, 0)
    return t.read(build .. "/found"):match("^%S+")
  end
  t.match(version(), "^0.1.0~")
  git(tree, "tag v1.0")
  t.equal(version(), "1.0")
  commit(tree)
  t.match(version(), "^1.0%+1%.g")
end)

t.test("neither git nor an archive of it", function()
  local version, epoch = find_version(make_tree())
  t.equal(version, "0.1.0~unknown")
  t.between(math.tointeger(tonumber(epoch)), 1772366400, os.time() + 60, "when CMakeLists.txt was written")
end)

t.test("an image is told, as it has no git", function()
  t.equal((find_version(make_tree(), "-DLAB_VERSION_IS=0.3.0~rc1")), "0.3.0~rc1")
end)

t.test("Debian sorts them by time", function()
  if not t.have("dpkg") then return end
  local order = { "0.1.0~20260301.g1a2b3c4", "0.1.0~20260302.g0a2b3c4", "0.1.0", "0.1.0+2.g1a2b3c4",
    "0.2.0~rc1", "0.2.0~rc1+1.g1a2b3c4", "0.2.0" }
  for i = 2, #order do
    t.equal(t.run(t.command { "dpkg", "--compare-versions", order[i - 1], "lt", order[i] }).code, 0, order[i])
  end
end)

t.finish()
