-- SPDX-License-Identifier: MIT
-- The Lua files of which the kit (kit.lua) and the judgement (diagnosis.lua) are made,
-- and what each needs.
--
-- parts.lua(host) -> parts: parts.NAME is what lua/NAME.lua returns. Each is made when
--   it is first asked for: most of an answer's time is compiling them, and no answer
--   and no command needs all.

local host = ...

-- What each is called with.
local TAKES = {
  [""] = { "claim", "evidence", "faults", "feedback", "lines", "record", "shell", "templates", "wrap" },
  host = { "allowed", "data", "fields", "remedy", "steps", "tags", "tool" },
  parts = { "against", "grounds", "left", "lesson", "page", "progress", "spoilers", "verdict" },
  ["host parts"] = { "answers", "check", "fixture", "folders", "jobs", "judge", "junk", "kept", "measure", "naive",
    "page_api", "probes", "prove", "reason", "source", "student", "submission", "visit", "vocabulary" },
}

local parts, takes = {}, {}
for what, names in pairs(TAKES) do
  for _, name in ipairs(names) do takes[name] = what end
end

local makers = {
  [""] = function(name) return host.part(name)() end,
  host = function(name) return host.part(name)(host) end,
  parts = function(name) return host.part(name)(parts) end,
  ["host parts"] = function(name) return host.part(name)(host, parts) end,
}

-- These take single parts, because others have them, too.
local special = {
  classes = function() return host.part "classes"(parts.wrap) end,
  read_json = function() return host.part "json"() end,
  sentence = function() return host.part "sentence"(parts.fields, parts.claim) end,
}

return setmetatable(parts, { __index = function(_, name)
  local make = special[name] or makers[takes[name]]
  if not make then return nil end
  parts[name] = make(name)
  return parts[name]
end })
