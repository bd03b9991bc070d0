-- SPDX-License-Identifier: MIT
-- What the tests in a browser need beside the lab: Chromium, and packages of npm.
--
-- fetched(t) -> the path of Chromium, and of a folder whose node_modules has what
-- package-lock.json says. The test is skipped where one of them is missing.
-- BROWSER_DIR is the folder.

local function findChromium(t)
  for _, name in ipairs { "chromium", "chromium-browser", "google-chrome" } do
    if t.have(name) then return (t.run("command -v " .. name).out:gsub("\n", "")) end
  end
  t.skip("there is no chromium")
end

-- Once for each package-lock.json.
local function fetchPackages(t, here, folder)
  local lock = t.read(here .. "/package-lock.json")
  if t.read(folder .. "/fetched") == lock then return end
  t.run(("mkdir -p %s && cp %s/package.json %s/package-lock.json %s")
    :format(t.quote(folder), t.quote(here), t.quote(here), t.quote(folder)))
  local fetched = t.run(("cd %s && npm ci --ignore-scripts --no-audit --no-fund"):format(t.quote(folder)))
  if fetched.code ~= 0 then t.skip("npm can't fetch the packages: " .. fetched.err:sub(1, 300)) end
  t.write(folder .. "/fetched", lock)
end

return function(t)
  t.need("curl", "npm", "node")
  local chromium, folder = findChromium(t), os.getenv("BROWSER_DIR")
  fetchPackages(t, t.source .. "/tests/browser", folder)
  return chromium, folder
end
