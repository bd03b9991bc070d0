-- SPDX-License-Identifier: MIT
-- The page's JavaScript and CSS, and that of its tests, without a complaint of the
-- linter, by lint.json. The linter is fetched by npm, as package-lock.json says;
-- skipped where there is no npm, or no way to its registry. LINT_DIR is its folder.
local t = require "harness"

t.need("npm", "node")
local here, folder = t.source .. "/tests/page", os.getenv("LINT_DIR")
require "packages"(t, here, folder)

local function lint(...)
  local words = { folder .. "/node_modules/.bin/biome", "lint", "--error-on-warnings", "--max-diagnostics=50",
    "--config-path=" .. here .. "/lint.json", ... }
  local run = t.run(t.command(words))
  return run.code, run.out .. run.err
end

t.test("the linter finds what is wrong", function()
  local file = t.temp_dir() .. "/wrong.js"
  t.write(file, "import { a } from './a.js';\nvar b = 1;\n")
  local code, text = lint(file)
  t.check(code ~= 0)
  t.has(text, "noUnusedImports")
end)

t.test("the page and its tests", function()
  local code, text = lint(t.source .. "/src/page/www", here, t.source .. "/tests/browser")
  t.equal(code, 0, text:sub(1, 4000))
end)

t.finish()
