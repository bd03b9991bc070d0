-- luacheck, for all Lua files: ./lab setup installs it, ctest runs it
-- (check.lua). The library is the one global of a scenario.
std = "lua54"
max_line_length = false
exclude_files = { "build", "lua/types" }
-- Callbacks are written with all their parameters: function(self, req).
unused_args = false
-- `not (x < y)` is not `x >= y` for values that don't compare as numbers do.
ignore = { "581" }

files["scenarios"] = { read_globals = { "lab" } }
files["tests/**/scenarios"] = { read_globals = { "lab" } }
files["lua"] = { read_globals = { "lab" } }
