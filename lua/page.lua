-- SPDX-License-Identifier: MIT
-- The page at /lab/ as HTML, for a browser without JavaScript too. The sections
-- are those of the file's second half; where a script makes more of one, it does so
-- inside the element with the attribute data-js.
--
-- page.lua(parts) -> write(facts, sums, offer) -> HTML       parts: classes,
--   fields, progress, shell
--
-- facts (src/page/render.c): { host, step, slug, title, params, since, fixed = the
--   repaired program runs, gives_hints, told, hints = { { n, more, hint } }, catalog = what /steps says,
--   captures = { { id, kind, requests, seconds, bytes } }, last = the last request
--   that the page sent, or nil, load = its load, check = of a repair, happened = { kind, status, text,
--   verdict } or nil, form = the answer that was sent, solved = { step }, modules = the
--   names of the scripts (start.js fetches them), speedscope = the path of that viewer,
--   or nil, keeps = the progress is kept, flight = the seconds that the flight
--   recorder keeps, or nil,
--   progress_problem = why it can't be read, or nil }; sums: those of the
--   progress (src/diagnosis/standing.h) as JSON, or ""; offer() -> as of page_api.lua
--
-- All that comes from a scenario or from a user goes through `text` or `attribute`.

local parts = ...
local sortedKeys = parts.fields.sortedKeys

-- ---- writing HTML ----------------------------------------------------------------

local ENTITIES = { ["&"] = "&amp;", ["<"] = "&lt;", [">"] = "&gt;", ['"'] = "&quot;", ["'"] = "&#39;" }

-- V as text, also inside of an attribute. Control characters have no place in HTML.
local function text(v)
  return (tostring(v):gsub("[\0-\8\11\12\14-\31\127]", "\u{FFFD}"):gsub("[&<>\"']", ENTITIES))
end

-- What each `%s` of FORMAT is, is escaped; `%r` is HTML already.
local function html(format, ...)
  local values, n = { ... }, 0
  return (format:gsub("%%([sr%%])", function(kind)
    if kind == "%" then return "%" end
    n = n + 1
    return kind == "r" and values[n] or text(values[n])
  end))
end

local function urlPart(v)
  return (tostring(v):gsub("[^%w._~-]", function(c) return ("%%%02X"):format(c:byte()) end))
end

-- COMMAND as a line to copy. Backquotes in texts of lessons are commands, too.
local function command(line) return html("<pre class=command><code>%s</code></pre>\n", line) end

local host -- of the page that is written

-- Lessons are written for port 6060; their commands are to be typed as they are.
local function prose(v)
  return (text(v):gsub("localhost:6060", function() return host end):gsub("`([^`]*)`", "<code>%1</code>"))
end

local function section(id, title, body)
  return html([[
<section id=%s aria-labelledby=%s-title>
<h2 id=%s-title>%s</h2>
<div data-js=%s>
%r</div>
</section>
]], id, id, id, title, id, body)
end

local function size(bytes)
  if bytes >= 1e6 then return ("%.1f MB"):format(bytes / 1e6) end
  if bytes >= 1e3 then return ("%.1f kB"):format(bytes / 1e3) end
  return ("%d bytes"):format(bytes)
end

local function clock(seconds) return os.date("!%H:%M:%S UTC", math.floor(seconds)) end

local function count(n, word) return ("%d %s%s"):format(n, word, n == 1 and "" or "s") end

-- ---- now -------------------------------------------------------------------------

local function gotoUrl(facts, number, params)
  local query = ("step=%d"):format(number)
  for _, key in ipairs(sortedKeys(params or {})) do
    query = query .. "&" .. urlPart(key) .. "=" .. urlPart(params[key])
  end
  return ("http://%s/goto?%s"):format(facts.host, query)
end

local function currentStep(facts)
  for _, step in ipairs(facts.catalog.steps or {}) do
    if step.number == facts.step then return step end
  end
  return {}
end

local function paramFields(facts, step)
  local out, meanings = {}, {}
  for _, param in ipairs(step.parameters or {}) do meanings[param.name] = param.meaning end
  for _, key in ipairs(sortedKeys(facts.params)) do
    out[#out + 1] = html('<label>%s%s <input name="p.%s" value="%s" autocomplete=off></label>\n', key,
      meanings[key] and ": " .. meanings[key] or "", key, facts.params[key])
  end
  return table.concat(out)
end

local function now(facts)
  local step = currentStep(facts)
  local title = step.title or facts.title ~= "" and facts.title or "(no title)"
  local out = {}
  out[#out + 1] = html('<form method=post action="/lab/go" class=params><input type=hidden name=step value="%s">\n%r' ..
    "<button>Begin this step anew</button></form>\n", facts.step, paramFields(facts, step))
  if facts.step ~= 0 then
    out[#out + 1] = '<form method=post action="/lab/go"><input type=hidden name=step value="0">' ..
      "<button>Back to step 0, where all is well</button></form>\n"
  end
  out[#out + 1] = command("curl -X POST " .. parts.shell.quoted(gotoUrl(facts, facts.step, facts.params)))
  return section("now", "Now", html("<div class=now-head><h3>Step %s: %s</h3>%r</div>\n%r" ..
    '<div class="row quiet"><span class=since>running since <time>%s</time></span></div>\n' ..
    "<details class=more><summary>%s</summary>\n%r</details>\n", facts.step, title,
    facts.fixed and '<span class="chip twin">This is the repaired program</span>' or "",
    step.symptom and html("<p class=symptom>%r</p>\n", prose(step.symptom)) or "", clock(facts.since),
    next(facts.params) and "Parameters, reset" or "Reset", table.concat(out)))
end

-- ---- steps -----------------------------------------------------------------------

-- As the script of this section shows it (steps.js), so that nothing moves when it begins.
local function effortOf(step)
  local out, n = {}, math.max(0, math.min(5, step.difficulty or 0))
  if step.difficulty then
    out[1] = html('<span class=dots role=img aria-label="difficulty %s of 5">%r</span>\n', n,
      ("●"):rep(n) .. ("○"):rep(5 - n))
  end
  if step.minutes then out[#out + 1] = html("<span class=minutes>%s min</span>\n", step.minutes) end
  return table.concat(out)
end

-- The step that runs was visited, though that may not be on the disk yet.
local function stateOf(done, here)
  if done and done.solved then return "solved", done.score and html("solved · %s", done.score) or "solved" end
  if done and done.answers > 0 then return "visited", html("visited · %s", done.score) end
  if done or here then return "visited", "visited" end
  return "new", "new"
end

local CHIPS = { solved = "chip solved", visited = "chip", new = "chip fresh" }

local function ticket(facts, step, done)
  local here = step.number == facts.step
  local state, words = stateOf(done, here)
  local chip = here and '<span class="chip here">running</span>' or ""
  if not here or state == "solved" then chip = chip .. html('<span class="%s">%r</span>', CHIPS[state], words) end
  local verb = here and "Enter anew" or "Choose"
  return html([[
<li class=ticket data-step="%s" data-state=%s%r>
<header><span class=number>Step %s</span>%r</header>
<h3>%s</h3>
%r%r<footer>%r<form method=post action="/lab/go"><input type=hidden name=step value="%s">
<button aria-label="%s: step %s">%s</button></form></footer>
</li>
]], step.number, state, here and " aria-current=true" or "", step.number, chip, step.title or "(no title)",
    step.symptom and html("<p class=symptom>%r</p>\n", prose(step.symptom)) or "",
    step.problem and html("<p class=problem>%s</p>\n", step.problem:match "^[^\n]*") or "", effortOf(step),
    step.number, verb, step.number, verb)
end

-- Steps that aren't solved are one list. To say what a step is about would give its
-- answer away, so only solved ones are in groups: by the family of their class.
local function steps(facts, done)
  local open, groups = {}, {}
  for _, step in ipairs(facts.catalog.steps or {}) do
    local own = done[step.number]
    local family = own and own.solved and (parts.classes.family(own.class or "") or "solved")
    local list = open
    if family then
      groups[family] = groups[family] or {}
      list = groups[family]
    end
    list[#list + 1] = ticket(facts, step, own)
  end
  local out = { "<ol class=tickets>\n", table.concat(open), "</ol>\n" }
  for _, family in ipairs(sortedKeys(groups)) do
    out[#out + 1] = html("<h3 class=group>Solved: %s</h3>\n<ol class=tickets>\n%r</ol>\n", family,
      table.concat(groups[family]))
  end
  if not facts.catalog.steps then
    out[#out + 1] = "<p class=problem>The steps can't be read now. Load the page again.</p>\n"
  end
  for _, problem in ipairs(facts.catalog.problems or {}) do
    out[#out + 1] = html("<p class=problem>No step: %s</p>\n", problem)
  end
  return section("steps", "Steps", table.concat(out))
end

-- ---- see it ----------------------------------------------------------------------

local function lastRequest(last)
  if not last then return "<p class=empty>Send a request, and see what a user of this program sees.</p>\n" end
  if last.error then
    return html("<p class=result>The last one, <code>GET %s</code>, got no answer within %s: %s</p>\n", last.path,
      ("%.1f s"):format(last.seconds), last.error)
  end
  return html("<p class=result>The last one, <code>GET %s</code>: <strong>%s</strong> after %s</p>\n" ..
    "<pre class=body>%s</pre>\n", last.path, last.status, ("%.3f s"):format(last.seconds), last.body)
end

local function loadState(load)
  if not load.begun then return "" end
  return html("<p class=result>%s: %s, %s, p50 %s, p99 %s</p>\n",
    load.running and "A load is running" or "The last load", count(load.sent, "request") .. " sent",
    count(load.answered, "answer"), ("%.3f s"):format(load.p50_s), ("%.3f s"):format(load.p99_s))
end

local function see(facts)
  local load = currentStep(facts).load or {}
  local path = (load.path or "/"):gsub("{n}", "1")
  return section("see", "See it", lastRequest(facts.last) .. html(
    '<form method=post action="/lab/request"><label>path <input name=path value="%s" autocomplete=off></label> ' ..
    "<button>Send one request</button></form>\n%r%r<form method=post action=\"/lab/api/load\">" ..
    "<button>%s</button></form>\n%r", path, command("curl -i " .. parts.shell.quoted("http://" .. facts.host .. path)),
    loadState(facts.load), facts.load.running and "See how far the load is" or "Send the load of this step",
    command(("diaglab load --step %d %s"):format(facts.step, facts.host))))
end

-- ---- measure, capture ------------------------------------------------------------

local function measure(facts)
  return section("measure", "Measure", [[
<p><a href="/status">The state as JSON</a>, <a href="/metrics">all numbers</a>,
<a href="/debug/vars">memory statistics</a>. With JavaScript these are charts, drawn anew each second.</p>
]] ..
    command(("curl -N http://%s/lab/api/stream"):format(facts.host)))
end

local KINDS = {
  { "profile", "CPU: what computes", "?seconds=5" },
  { "wall", "Wall: where time goes, computing or waiting", "?seconds=5" },
  { "heap", "Heap: memory in use", "" },
  { "allocs", "Allocs: all that was ever allocated", "" },
  { "goroutine", "Goroutine: all tasks, and where they are", "" },
  { "block", "Block: who has waited for others", "" },
  { "mutex", "Mutex: who has kept others waiting", "" },
  { "goroutineleak", "Goroutine leak: tasks that nobody can wake", "" },
  { "lab.OpenFiles", "Open files: who has opened descriptors", "" },
  { "trace", "Trace: what each task did when", "?seconds=1" },
}

local NO_TEXT = { profile = true, wall = true, trace = true }

local function kindLine(facts, kind)
  local path = "/debug/pprof/" .. kind[1]
  local tool = kind[1] == "trace" and ("curl -o trace.out %s && go tool trace trace.out")
    or "go tool pprof -http=: %s"
  return html('<li><span class=kind>%s</span> <a href="%s%s" download>download</a>%r\n%r</li>\n', kind[2], path,
    kind[3], NO_TEXT[kind[1]] and "" or html(' <a href="%s?debug=1">text</a>', path),
    command(tool:format(parts.shell.quoted("http://" .. facts.host .. path .. kind[3]))))
end

local function captureTable(facts)
  if #facts.captures == 0 then
    return "<p class=empty>Nothing was captured in this visit. A capture is evidence for your answer: take one " ..
      "while requests run.</p>\n"
  end
  local out = { "<table class=captures>\n<thead><tr><th>id<th>kind<th>seconds<th>requests<th>size</tr></thead>\n",
    "<tbody>\n" }
  for _, c in ipairs(facts.captures) do
    out[#out + 1] = html('<tr><td><a href="/lab/captures?id=%s" download>%s</a><td>%s<td class=number>%s' ..
      "<td class=number>%s<td class=number>%s</tr>\n", c.id, c.id, c.kind, ("%.1f"):format(c.seconds),
      ("%.0f"):format(c.requests), size(c.bytes))
  end
  return table.concat(out) .. "</tbody></table>\n"
end

local function capture(facts)
  local out = { captureTable(facts), "<ul class=kinds>\n" }
  for _, kind in ipairs(KINDS) do out[#out + 1] = kindLine(facts, kind) end
  for _, name in ipairs(facts.profiles or {}) do
    out[#out + 1] = kindLine(facts, { name, name .. ": the program's own", "" })
  end
  return section("capture", "Capture", table.concat(out) .. "</ul>\n")
end

-- ---- say it ----------------------------------------------------------------------

local function hints(facts)
  if not facts.gives_hints then return "" end
  local out, more = {}, (currentStep(facts).hints or 0) > 0
  for _, h in ipairs(facts.hints) do
    out[#out + 1] = html("<li>%r</li>\n", prose(h.hint))
    more = h.more
  end
  local list = #out > 0 and "<ol class=hints>\n" .. table.concat(out) .. "</ol>\n" or ""
  if not more then return list end
  return list .. html('<form method=post action="/lab/hint"><input type=hidden name=n value="%s">' ..
    "<button>%s</button></form>\n", facts.told + 1, facts.told == 0 and "Give me a hint" or "Give me the next hint")
end

-- What was sent in a form: the first value of each key, and all of `evidence`.
local function readForm(body)
  local sent = { evidence = {} }
  local function decode(v)
    return (v:gsub("+", " "):gsub("%%(%x%x)", function(digits) return string.char(tonumber(digits, 16)) end))
  end
  for pair in (body or ""):gmatch "[^&]+" do
    local key, value = pair:match "^([^=]*)=?(.*)$"
    key, value = decode(key), decode(value)
    if key == "evidence" then
      sent.evidence[value] = true
    elseif not sent[key] then
      sent[key] = value
    end
  end
  return sent
end

local function classOptions(chosen)
  local out = { '<option value="">choose</option>\n' }
  for _, class in ipairs(parts.classes.objects()) do
    out[#out + 1] = html('<option value="%s"%r>%s: %s</option>\n', class.class,
      chosen == class.class and " selected" or "", class.class, class.meaning)
  end
  return table.concat(out)
end

local function evidenceBoxes(facts, sent)
  local out = {}
  for _, c in ipairs(facts.captures) do
    out[#out + 1] = html('<label><input type=checkbox name=evidence value="%s"%r> %s %s, %s</label>\n', c.id,
      sent.evidence[c.id] and " checked" or "", c.id, c.kind, count(math.floor(c.requests + 0.5), "request"))
  end
  if #out == 0 then return "<p class=empty>Capture something first: an answer needs evidence.</p>\n" end
  return "<fieldset><legend>Which captures show it? (none: all are looked at)</legend>\n" .. table.concat(out) ..
    "</fieldset>\n"
end

local function field(name, label, value)
  return html('<label>%s <input name=%s value="%s" autocomplete=off></label>\n', label, name, value or "")
end

-- Few steps have two faults, and nobody is told which: so it is offered in each.
local function secondGuess(sent)
  return html("<details class=more%r><summary>There is a second fault</summary>\n" ..
    "<label>What else is wrong? <select name=class2>\n%r</select></label>\n%r</details>\n",
    (sent.class2 or "") .. (sent.where2 or "") ~= "" and " open" or "", classOptions(sent.class2),
    field("where2", "In which function?", sent.where2))
end

local function answerForm(facts)
  local sent = readForm(facts.form)
  return html([[
<form method=post action="/lab/answer" class=answer>
<label>What is wrong? <select name=class>
%r</select></label>
%r%r%r%r%r<button>Answer</button></form>
]], classOptions(sent.class), field("where", "In which function?", sent.where), secondGuess(sent),
    evidenceBoxes(facts, sent),
    field("number", "How much is it? (if a number is asked for)", sent.number),
    field("ruled_out", "What did you rule out? (class, or class:capture)", sent.ruled_out))
end

-- ---- repair it --------------------------------------------------------------------

local function checkText(facts)
  local check = facts.check
  if not check.begun or check.step ~= facts.step then return "" end
  if check.running then
    return html("<p class=result>It is being checked: %s %% after %s.</p>\n<form method=get action=\"/lab/\">" ..
      "<button>See how far it is</button></form>\n", check.percent, ("%.0f s"):format(check.seconds))
  end
  return html("<pre class=body>%s</pre>\n", check.text)
end

local function repair(facts, offer)
  if not offer then return "" end
  local button = facts.check.running and "" or
    "<form method=post action=\"/lab/api/repair\"><button>Check my repair</button></form>\n"
  return html("<h3>Repair it</h3>\n<p>This copies the program into a folder of yours:</p>\n%r" ..
    "<p>Edit <code>%s/scenario.lua</code>, and have it checked: is the fault gone, and the work still done? That " ..
    "takes from some seconds to some minutes, in labs of its own.</p>\n%r%r%r", command(offer.get), offer.folder,
    checkText(facts), button, command(offer.check))
end

local function say(facts, done, offer)
  local own = done[facts.step]
  local isSolved = own and own.solved
  local solved = isSolved and
    '<p class=solved>Solved. <a href="/lab/api/solution">How it can be found, and the repaired program</a></p>\n' or ""
  return section("say", "Say it", solved .. hints(facts) .. answerForm(facts) ..
    command(("curl -d 'class=CLASS&where=FUNCTION' http://%s/lab/answer"):format(facts.host)) ..
    (isSolved and repair(facts, offer()) or ""))
end

-- ---- progress --------------------------------------------------------------------

local function progressRow(s)
  local cells = {}
  for i, value in ipairs { s.step, s.visits, s.captures, s.hints, s.answers, s.score, s.solved and "yes" or "no",
    s.repaired and "yes" or "no", ("%.1f"):format(s.minutes) } do
    cells[i] = html("<td class=number>%s", value)
  end
  return "<tr>" .. table.concat(cells) .. "</tr>\n"
end

local function progress(facts, list)
  local out = {}
  for i, s in ipairs(list) do out[i] = progressRow(s) end
  local body = #out > 0 and "<table class=progress>\n<thead><tr><th>step<th>visits<th>captures<th>hints<th>answers" ..
    "<th>score<th>solved<th>repaired<th>minutes</tr></thead>\n<tbody>\n" .. table.concat(out) .. "</tbody></table>\n" or
    facts.progress_problem and html("<p class=problem>What you have done can't be read: %s</p>\n",
      facts.progress_problem) or "<p class=empty>Nothing was done yet. Choose a step.</p>\n"
  if not facts.keeps then
    body = body .. "<p class=empty>This lab keeps no progress: it has no folder for that (--state), or can't write " ..
      "there.</p>\n"
  end
  return section("progress", "Progress", body ..
    '<p><a href="/lab/progress?format=json">as JSON</a>, ' ..
    '<a href="/lab/progress?format=csv" download="progress.csv">as CSV</a></p>\n' ..
    command(("curl -X DELETE http://%s/lab/progress"):format(facts.host)))
end

-- ---- what has happened -----------------------------------------------------------

local PLACES = { answer = "say", hint = "say", go = "now", request = "see", load = "see", repair = "say" }

local function verdictText(v)
  if v.error then return html("<p>%s</p>\n", v.error) end
  local word = v.verdict == "invalid" and "not judged (this costs no try)" or v.verdict
  local out = { html("<p class=verdict><strong>%s</strong>", word) }
  if v.verdict ~= "invalid" then out[#out + 1] = html(", %s of 100", v.score) end
  out[#out + 1] = html("</p>\n<p class=feedback>%s%s</p>\n", v.feedback or "", v.advice and " " .. v.advice or "")
  if v.evidence then out[#out + 1] = html("<p>%s.</p>\n", v.evidence_text) end
  return table.concat(out)
end

local function happened(facts)
  local h = facts.happened
  if not h then return "" end
  local kind = h.verdict and h.verdict.verdict or "refused"
  return html('<div role=status class=happened data-kind=%s data-verdict="%s">\n%r' ..
    '<p><a href="#%s">Go on</a></p></div>\n', h.kind, kind, h.verdict and verdictText(h.verdict) or
    html("<p>%s</p>\n", h.text:match "^.*%S" or ""), PLACES[h.kind] or "now")
end

-- ---- the whole -------------------------------------------------------------------

local HEAD = [[
<!doctype html>
<html lang=en>
<head>
<meta charset=utf-8>
<meta name=viewport content="width=device-width, initial-scale=1">
<meta name=color-scheme content="light dark">
<title>%s</title>
<link rel=icon href="/lab/page/icon.svg" type="image/svg+xml">
<link rel=stylesheet href="/lab/page/page.css">
<meta name=modules content="%s">
%r<script type=module src="/lab/page/start.js"></script>
</head>
<body>
<header>
<h1><a href="/lab/">diaglab</a></h1>
<nav aria-label="Sections">
<a href="#now">Now</a> <a href="#steps">Steps</a> <a href="#see">See it</a> <a href="#measure">Measure</a>
<a href="#capture">Capture</a> <a href="#say">Say it</a> <a href="#progress">Progress</a>
</nav>
</header>
<main>
]]

-- What the scripts need to know before they ask the lab.
local function scriptFacts(facts)
  local out = {}
  if facts.speedscope then out[#out + 1] = html('<meta name=speedscope content="%s">\n', facts.speedscope) end
  if facts.flight then out[#out + 1] = html('<meta name=flight content="%s">\n', ("%g"):format(facts.flight)) end
  return table.concat(out)
end

-- By number; what the lab knows without the file, too. Which score that was, the file would say.
local function indexDone(facts, list)
  local done = {}
  for _, s in ipairs(list) do done[s.step] = s end
  for _, number in ipairs(facts.solved) do
    local own = done[number]
    if not (own and own.solved) then done[number] = { step = number, solved = true, answers = 1 } end
  end
  return done
end

return function(facts, sums, offer)
  -- It stands in commands that are copied into a shell.
  if not facts.host:find "^[%w.:%[%]-]+$" then facts.host = "localhost" end
  host = facts.host
  local list = parts.progress.steps(sums)
  local done = indexDone(facts, list)
  return table.concat {
    html(HEAD, ("Step %d - diaglab"):format(facts.step), table.concat(facts.modules, " "),
      scriptFacts(facts)), happened(facts),
    now(facts), steps(facts, done), see(facts),
    measure(facts), capture(facts), say(facts, done, offer), progress(facts, list), "</main>\n</body>\n</html>\n",
  }
end
