-- SPDX-License-Identifier: MIT
-- The style test is tested: each case of cases.lua plants one violation in a
-- small tree and demands exactly the case's message and exit code 1; its good
-- twin, which is nearly the same, must pass. So are the exceptions, and
-- tools/check-layers.
local here = arg[0]:match "^(.*)/" or "."
package.path = here .. "/?.lua;" .. package.path
local source = require "source"
local cases = require "cases"

local failures, seen, runs = 0, {}, 0
local STYLE = "lua5.4 " .. source.quote(here .. "/style.lua")

local function run(command)
  local out <close> = assert(io.popen(command .. " 2>&1; echo \"exit code $?\""))
  local text = out:read "a"
  runs = runs + 1
  return text:match "^(.-)exit code (%d+)\n$"
end

local root = run "mktemp -d":gsub("\n", "")
local EXCEPTIONS = root .. "/tests/style/exceptions.lua"

local function write(path, text)
  local f <close> = assert(io.open(path, "w"))
  f:write(text)
end

-- Makes the tree anew: that of cases.lua, with CHANGES: {path, text}, or {path,
-- old text, new text}.
local function plant(changes)
  local files, folders = {}, { root .. "/tests/style" }
  for path, text in pairs(cases.tree) do files[path] = text end
  for _, change in ipairs(changes) do
    local path, old, new = table.unpack(change)
    if new then
      local from, to = files[path]:find(old, 1, true)
      assert(from, path .. " has no " .. old)
      new = files[path]:sub(1, from - 1) .. new .. files[path]:sub(to + 1)
    end
    files[path] = new or old
  end
  for path in pairs(files) do folders[#folders + 1] = root .. "/" .. path:match "^(.-)/?[^/]*$" end
  run(("rm -rf '%s' && mkdir -p '%s'"):format(root, table.concat(folders, "' '")))
  for path, text in pairs(files) do write(root .. "/" .. path, text) end
end

local function expect(name, command, text, code)
  local out, exit = run(command .. " " .. source.quote(root))
  for rule in out:gmatch "%[([%w-]+)[^%]]*%]\n" do seen[rule] = true end
  if out ~= text or exit ~= code then
    failures = failures + 1
    print(("%s: expected exit code %s and\n%sbut got %s and\n%s"):format(name, code,
      text, exit, out))
  end
end

local function check_case(case, command)
  plant(case.bad)
  expect(case.name, command, table.concat(case.expect, "\n") .. "\n", "1")
  plant(case.good)
  expect(case.name .. ", good twin", command, "", "0")
end

-- Exceptions: N banned calls in a tree that says {[rule] = {[key] = number}}.
local function plant_exception(calls, exceptions)
  plant { { "src/app/main.c", "  return 0;\n",
    ("  system(argv[0]);\n"):rep(calls) .. "  return 0;\n" } }
  write(EXCEPTIONS, "return {\n" .. exceptions .. "}\n")
end

local function check_exceptions()
  local two = '  ["banned-call"] = {\n    ["src/app/main.c"] = 2,\n  },\n'
  local reason = '  ["banned-call"] = {\n    ["src/app/main.c"] = "a demonstration",\n  },\n'
  local gone = '  ["file-length"] = {\n    ["src/app/gone.c"] = 501,\n  },\n'
  local at = "tests/style/exceptions.lua:3: "
  local call = "src/app/main.c:%d: system: it runs a shell; use posix_spawn or " ..
    "uv_spawn [banned-call%s]\n"

  plant_exception(2, two)
  expect("as many as listed", STYLE, "", "0")
  plant_exception(3, two)
  local grown = call:format(9, ": 3, 2 allowed") .. call:format(10, ": 3, 2 allowed") ..
    call:format(11, ": 3, 2 allowed")
  expect("more than listed", STYLE, grown, "1")
  expect("--update takes in nothing", STYLE .. " --update", grown, "1")
  expect("--accept takes it in", STYLE .. " --update --accept", "", "0")
  plant_exception(1, two)
  expect("fewer than listed", STYLE, at .. "banned-call of src/app/main.c: it is " ..
    "better now; lower the number from 2 to 1\n", "1")
  expect("--update lowers", STYLE .. " --update", "", "0")
  expect("and it stays low", STYLE, "", "0")
  plant_exception(0, two)
  expect("none of what is listed", STYLE, at .. "banned-call of src/app/main.c: it " ..
    "is as it should be now; delete the line\n", "1")
  plant_exception(0, gone)
  expect("no such file", STYLE, at .. "file-length of src/app/gone.c: there is no " ..
    "such file; delete the line\n", "1")
  expect("--update deletes", STYLE .. " --update", "", "0")
  plant_exception(1, "")
  expect("a new one", STYLE, call:format(9, ""), "1")
  expect("--update refuses a new one", STYLE .. " --update", call:format(9, ""), "1")
  plant_exception(4, reason)
  expect("a reason", STYLE, "", "0")
  expect("a reason stays", STYLE .. " --update --accept", "", "0")
  if not source.read_file(EXCEPTIONS):find("a demonstration", 1, true) then
    failures = failures + 1
    print "--update loses a reason"
  end
  plant_exception(0, reason)
  expect("a reason for nothing", STYLE, at .. "banned-call of src/app/main.c: it " ..
    "is as it should be now; delete the line\n", "1")
end

-- Every rule that style.lua has must have been broken above.
local function check_completeness()
  for _, file in ipairs { "text_rules", "c_rules", "symbol_rules", "structure_rules" } do
    local text = source.read_file(here .. "/" .. file .. ".lua")
    for call, rule in text:gmatch "(%a+)%(%s*\"([%w-]+)\"" do
      if (call == "report" or call == "say") and not seen[rule] then
        failures = failures + 1
        print(("no case breaks the rule %s of %s.lua; add one to cases.lua")
          :format(rule, file))
      end
    end
  end
end

-- tools/check-layers, as it is but with a table that the cases know.
local function check_layers()
  local tool = run "mktemp":gsub("\n", "")
  local text = source.read_file(here .. "/../../tools/check-layers")
  local from, to = text:match "MODULES = %[%[\n()[^%]]*()%]%]"
  write(tool, text:sub(1, from - 1) .. cases.modules .. text:sub(to))
  for _, case in ipairs(cases.layers) do check_case(case, "lua5.4 " .. tool) end
  os.remove(tool)
end

for _, case in ipairs(cases.style) do check_case(case, STYLE) end
check_exceptions()
check_completeness()
check_layers()
run("rm -rf " .. source.quote(root))
print(("%d runs, %d failures"):format(runs, failures))
os.exit(failures == 0 and 0 or 1)
