-- SPDX-License-Identifier: MIT
-- What the tests in a browser need beside the lab: Chromium, and packages of npm.
--
-- fetched(t) -> the path of Chromium, and of a folder whose node_modules has what
-- package-lock.json says. The test is skipped where one of them is missing.
-- BROWSER_DIR is the folder. The third result is a function:
-- play(lab, parts[, only]) lets page.js play on the lab's page: all of its parts, or ONLY
-- that one. Those of the list PARTS must be ok. Screenshots are in BROWSER_DIR/page.

local function findChromium(t)
  for _, name in ipairs { "chromium", "chromium-browser", "google-chrome" } do
    if t.have(name) then return (t.run("command -v " .. name).out:gsub("\n", "")) end
  end
  t.skip("there is no chromium")
end

local function play(t, chromium, folder, lab, parts, only)
  local pictures = folder .. "/page"
  t.run("mkdir -p " .. t.quote(pictures))
  local words = { "node", t.source .. "/tests/browser/page.js", chromium, lab.url, pictures }
  local chosen = only and "PARTS=" .. t.quote(only) .. " " or ""
  local run = t.run(("cd %s && %s%s"):format(t.quote(folder), chosen, t.command(words)))
  print(run.out)
  t.equal(run.code, 0, run.err:sub(1, 2000))
  for _, part in ipairs(parts) do t.has(run.out, "ok " .. part) end
end

return function(t)
  t.need("curl", "npm", "node")
  local chromium, folder = findChromium(t), os.getenv("BROWSER_DIR")
  require "packages"(t, t.source .. "/tests/browser", folder)
  return chromium, folder, function(...) play(t, chromium, folder, ...) end
end
