-- SPDX-License-Identifier: MIT
-- The load that a lesson asks for, as the running lab tells it in /steps.
--
-- step_load.lua(host) -> ask(url, number) -> load, about | nil, message
--
-- URL is "http://host:port"; LOAD is a plan as lesson.lua has it, and ABOUT says,
-- in lines, what the step's symptom is and what is sent. Nothing else of the lesson
-- is known here.

local host = ...

local WIDTH = 78
local newReader, wrap = host.part "json", host.part "wrap"()
local fields = host.part "fields"(host)
local sentence = host.part "sentence"(fields, host.part "claim"())

-- ---- what is sent, in words ------------------------------------------------------

local function plural(n, word) return ("%d %s%s"):format(n, word, n == 1 and "" or "s") end

local function amountOf(load)
  if load.requests then return plural(load.requests, "request") end
  return load.seconds and ("requests for %g s"):format(load.seconds) or "requests"
end

local function describe(load)
  return ("%s to %s by %s%s"):format(amountOf(load), load.path, plural(load.clients, "client"),
    load.rate and (", %g per second"):format(load.rate) or "")
end

local function indented(text, indent)
  return indent .. table.concat(wrap(text, WIDTH - #indent), "\n" .. indent) .. "\n"
end

local function aboutOf(step, load)
  local text = ("step %d: %s\n"):format(step.number, step.title or "(no title)")
  if step.symptom then text = text .. indented(step.symptom, "    ") end
  if load.first then text = text .. "first " .. describe(load.first) .. "\n" end
  text = text .. describe(load) .. "\n"
  if load.beside then
    local until_ = load.beside.requests and "" or ", until that ends"
    text = text .. "beside it " .. describe(load.beside) .. until_ .. "\n"
  end
  return text
end

-- ---- what the server says --------------------------------------------------------

local function isText(v) return v == nil or type(v) == "string" end

local function isStep(v)
  return type(v) == "table" and math.type(v.number) == "integer" and isText(v.title) and isText(v.symptom) and
    isText(v.problem)
end

-- The list of steps that TEXT has; nil: it is none.
local function readList(text)
  local list = newReader()(text)
  if type(list) ~= "table" or type(list.steps) ~= "table" or math.type(list.step) ~= "integer" then return nil end
  for _, step in ipairs(list.steps) do
    if not isStep(step) then return nil end
  end
  return list
end

-- STEP's load, if it could be a lesson's.
local function readLoad(step)
  local load, problems = fields.read(sentence.load, step.load)
  local p = problems[1]
  if not p then return load end
  local where = fields.pathText(p.path)
  return nil, ("the load of step %d%s: %s"):format(step.number, where ~= "" and ": " .. where or "", p.text)
end

-- ---- asking ----------------------------------------------------------------------

local function findStep(list, number)
  local known = {}
  for _, step in ipairs(list.steps) do
    if step.number == number then return step end
    known[#known + 1] = ("%d"):format(step.number)
  end
  return nil, ("there is no step %d; there are %s"):format(number, table.concat(known, ", "))
end

return function(url, number)
  local result = host.together({ { get = url .. "/steps?format=json", timeout = 20 } })[1]
  if result.error then return nil, ("%s: %s"):format(url, result.error) end
  local list = result.status == 200 and readList(result.body)
  if not list then
    return nil, ("%s is no lab: /steps has no list of steps"):format(url)
  end
  local step, problem = findStep(list, number)
  if not step then return nil, problem end
  if step.problem then return nil, ("step %d: %s"):format(number, step.problem) end
  if not step.load then return nil, ("the lesson of step %d has no load"):format(number) end
  if list.step ~= number then
    return nil, ("the lab is in step %d; go to step %d first: curl '%s/goto?step=%d'")
      :format(list.step, number, url, number)
  end
  local load, wrong = readLoad(step)
  if not load then return nil, ("%s: %s"):format(url, wrong) end
  return load, aboutOf(step, load)
end
