-- SPDX-License-Identifier: MIT
-- fetch(t, here, folder): the npm packages that HERE/package-lock.json names, in
-- FOLDER; once for each such file. Skips the test where npm can't fetch them.
return function(t, here, folder)
  local lock = t.read(here .. "/package-lock.json")
  if t.read(folder .. "/fetched") == lock then return end
  t.run(("mkdir -p %s && cp %s/package.json %s/package-lock.json %s")
    :format(t.quote(folder), t.quote(here), t.quote(here), t.quote(folder)))
  local fetched = t.run(("cd %s && npm ci --ignore-scripts --no-audit --no-fund"):format(t.quote(folder)))
  if fetched.code ~= 0 then t.skip("npm can't fetch the packages: " .. fetched.err:sub(1, 300)) end
  t.write(folder .. "/fetched", lock)
end
