-- SPDX-License-Identifier: MIT
-- diaglab answer: sends answers to a lab, keeps a lab's captures as an evidence
-- pack, and judges answers on such a pack without a lab.
--
-- answer.lua(host, parts) -> verb      parts: evidence, folders, judge, read_json,
--   submission, verdict; newFolder, refuse (kit.lua)
--
-- An evidence pack is a folder: captures.json, which is what GET /lab/captures says
-- as JSON, and the bytes of each capture in a file of its id.

local host, parts = ...

local URL = "http://localhost:6060"
local CODES = { solved = 0, partial = 1, wrong = 1, invalid = 3 }

local function refuse(text, ...) parts.refuse("answer", text, ...) end

-- ---- a lab -----------------------------------------------------------------------

local function ask(job, url)
  local result = host.together({ job })[1]
  if result.error then refuse("%s: %s", url, result.error) end
  return result
end

local function refuseAnswer(url, result)
  refuse("%s: %d %s", url, result.status, (result.body:gsub("%s+", " "):gsub(" $", "")))
end

local function get(url)
  local result = ask({ get = url }, url)
  if result.status ~= 200 then refuseAnswer(url, result) end
  return result.body
end

local function readList(text, from)
  local list, problem = parts.read_json(text)
  if type(list) ~= "table" or type(list.captures) ~= "table" or type(list.attempt) ~= "string"
    or math.type(list.step) ~= "integer" then
    refuse("%s: it is no list of captures%s", from, problem and ": " .. problem or "")
  end
  return list
end

-- Of other visits only the facts are left, and of a trace that was too large. A lab that
-- doesn't tell what it has kept is an older one, which kept no traces.
local function isKept(c, list)
  local kept = c.kept
  if kept == nil then kept = c.kind ~= "trace" end
  return c.attempt == list.attempt and kept
end

local function keep(url, folder)
  local text = get(url .. "/lab/captures?format=json")
  local list = readList(text, url)
  local pack <close>, problem = parts.newFolder(folder)
  if not pack then refuse("%s", problem) end
  local n, ok = 0, nil
  local function keepOne(c)
    if type(c) ~= "table" or type(c.id) ~= "string" or not c.id:find "^[bc]%d+$" then
      refuse("%s: a capture's id isn't like c1", url)
    end
    local bytes = get(("%s/lab/captures?id=%s"):format(url, c.id))
    ok, problem = host.write_new(folder .. "/" .. c.id, bytes)
    if not ok then refuse("%s", problem) end
  end
  for _, c in ipairs(type(list.begun) == "table" and list.begun or {}) do keepOne(c) end
  for _, c in ipairs(list.captures) do
    if isKept(c, list) then
      keepOne(c)
      n = n + 1
    end
  end
  ok, problem = host.write_new(folder .. "/captures.json", text)
  if not ok then refuse("%s", problem) end
  pack.isWhole = true
  host.out(("%s in %s\n"):format(n == 1 and "1 capture is" or n .. " captures are", folder))
end

-- Returns the verdict, and what is to be printed.
local function send(url, text, is_json, options)
  local form = options.json and "json" or "text"
  local result = ask({ post = ("%s/lab/answer?format=%s"):format(url, form), body = text,
    type = is_json and "application/json" or "application/x-www-form-urlencoded" }, url)
  if result.status ~= 200 and result.status ~= 400 then refuseAnswer(url, result) end
  local word = result.body:match('"verdict": "(%a+)"') or result.body:match("^verdict   (%a+)")
  return CODES[word] and word or "invalid", result.body
end

-- ---- an evidence pack ------------------------------------------------------------

-- Those of LIST[key] as evidence.lua wants them; MARK begins their ids.
local function readCaptures(folder, list, key, mark)
  local captures = {}
  for i, c in ipairs(type(list[key]) == "table" and list[key] or {}) do
    if type(c) ~= "table" or type(c.id) ~= "string" or not c.id:find("^" .. mark .. "%d+$") or type(c.kind) ~= "string"
      or type(c.slug) ~= "string" then
      refuse("%s/captures.json: %s[%d] is no capture", folder, key, i)
    end
    local kept = isKept(c, list)
    captures[i] = { id = c.id, kind = c.kind, slug = c.slug, current = c.attempt == list.attempt,
      kept = kept,
      requests = tonumber(c.requests) or 0, seconds = tonumber(c.seconds) or 0, busy = tonumber(c.busy_seconds) or 0,
      waited = tonumber(c.waited_seconds), in_flight = tonumber(c.in_flight) or 0, open = function()
        if not kept then return nil end
        local bytes, missing = host.read_bytes(folder .. "/" .. c.id)
        if not bytes then refuse("%s", missing) end
        if c.kind == "metrics" or c.kind == "vars" then return bytes end
        return (c.kind == "trace" and host.decode_trace or host.decode)(bytes)
      end }
  end
  return captures
end

-- The list of the pack in FOLDER.
local function readPack(folder)
  local path = folder .. "/captures.json"
  local text, problem = host.read_bytes(path)
  if not text then refuse("%s", problem) end
  return readList(text, path)
end

local function findLesson(step, scenarios)
  local found, _, problem = parts.folders.find { scenarios }
  if not found then refuse("%s", problem) end
  for _, f in ipairs(found) do
    if f.number == step and f.lesson and f.lesson.diagnosis and f.lesson.diagnosis.class then
      local defaults = {}
      for name, param in pairs(f.outline.params) do defaults[name] = param[1] end
      return f.lesson, defaults, f.slug
    end
  end
  refuse("%s: there is no lesson of step %d", scenarios, step)
end

local function judge(folder, options)
  local list = readPack(folder)
  local captures, begun = readCaptures(folder, list, "captures", "c"), readCaptures(folder, list, "begun", "b")
  local lesson, defaults, slug = findLesson(list.step, options.scenarios or parts.findSteps())
  local form = options.json and "json" or "text"
  return function(text, is_json)
    local answer, problem = parts.submission.read(text, is_json)
    if not answer then return "invalid", parts.verdict.refused(problem, form) end
    local views, others = parts.evidence.views(captures, answer, begun)
    local visit = { params = type(list.params) == "table" and list.params or {}, defaults = defaults, slug = slug }
    local result = parts.judge.answer(answer, lesson, views, others, visit)
    if parts.judge.refusals[result.code] then return "invalid", parts.verdict.refused(result.feedback, form) end
    local looked = parts.evidence.wanted(views, answer.evidence)
    local facts = { step = list.step, attempt = list.attempt, looked = looked, repair = lesson.fixed ~= nil }
    return result.verdict, parts.verdict[form](result, facts)
  end
end

-- ---- the verb --------------------------------------------------------------------

-- WORDS that are no files but like "class=wait.lock" are one answer: a form, nil if
-- there are none; and the other words.
local function takeForm(words)
  local pairs_, files = {}, {}
  for _, word in ipairs(words) do
    local key, value = word:match("^([%l_]+%d?)=(.*)$")
    if key and not host.exists(word) then
      pairs_[#pairs_ + 1] = key .. "=" .. value:gsub("[^%w._:-]", function(c) return ("%%%02X"):format(c:byte()) end)
    else
      files[#files + 1] = word
    end
  end
  return #pairs_ > 0 and table.concat(pairs_, "&") or nil, files
end

local function judgeForm(form, verdictOf)
  local word, shown = verdictOf(form, false)
  host.out(shown)
  return CODES[word]
end

local function judgeFiles(files, verdictOf, options)
  local code = 0
  for _, file in ipairs(files) do
    local text, problem = host.read(file)
    if not text then refuse("%s", problem) end
    local word, shown = verdictOf(text, true)
    if #files > 1 and not options.json then host.out(file .. "\n") end
    host.out(shown)
    code = math.max(code, CODES[word])
  end
  return code
end

return {
  usage = "answer [OPTIONS] class=CLASS where=FUNCTION | [FILE...]",
  about = "Sends answers to a lab and prints its verdicts; or judges them without a lab, on\n" ..
    "captures that were kept. The words CLASS (of diaglab classes) and FUNCTION (as\n" ..
    "profiles print it) are an answer; further ones are evidence=, number= and\n" ..
    "ruled_out=. A FILE has an answer as JSON:\n" ..
    '  {"format": "diaglab-answer/1",\n' ..
    '   "hypotheses": [{"class": "wait.lock", "where": "updatePrice"}]}',
  options = {
    { "--url", "URL", "the lab (default " .. URL .. ")" },
    { "--keep", "DIR", "keep the lab's captures in DIR, which must be new" },
    { "--judge", "DIR", "judge on the captures in DIR" },
    { "--scenarios", "DIR", "where the lessons are (default scenarios, or those\nthat come with the program)" },
    { "--json", nil, "verdicts as JSON, one a line" },
  },
  notes = "Exit code: 0 all are solved, 1 some are partly right or wrong, 3 some can't be\n" ..
    "judged, 2 nothing could be done.",
  run = function(options, words)
    local url = (options.url or URL):gsub("/+$", "")
    if not url:find("://", 1, true) then url = "http://" .. url end
    local form, files = takeForm(words)
    if options.keep then
      if options.judge then refuse("--keep and --judge exclude each other") end
      keep(url, options.keep)
    end
    if not form and #files == 0 and not options.keep then
      refuse("there is no answer: say class=CLASS where=FUNCTION, or name a FILE")
    end
    local verdictOf = options.judge and judge(options.judge, options)
      or function(text, is_json) return send(url, text, is_json, options) end
    local code = judgeFiles(files, verdictOf, options)
    return form and math.max(code, judgeForm(form, verdictOf)) or code
  end,
}
