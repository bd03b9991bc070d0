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

return function(t)
  t.need("curl", "npm", "node")
  local chromium, folder = findChromium(t), os.getenv("BROWSER_DIR")
  require "packages"(t, t.source .. "/tests/browser", folder)
  return chromium, folder
end
