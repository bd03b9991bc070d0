-- SPDX-License-Identifier: MIT
-- Answers of a student, and what the lab says of them.
--
--   answers.post(lab, form)     the form { key = value, ... } -> the verdict as a
--                               table, the HTTP answer
--   answers.judged(lab, form, verdict[, code])  likewise, and it is this verdict
--   answers.forget(lab)         all captures
local t = require "harness"
local answers = {}

-- A field of a verdict in JSON.
local function field(text, name)
  local s = text:match('"' .. name .. '": "([^"]*)"')
  if s then return s end
  local word = text:match('"' .. name .. '": ([%w.-]+)')
  if word == "true" or word == "false" then return word == "true" end
  return tonumber(word)
end

-- Posts the form { key = value, ... } -> the verdict as a table, the HTTP answer.
function answers.post(lab, form)
  local words = { "-H", "Accept: application/json" }
  for key, value in pairs(form) do
    for _, one in ipairs(type(value) == "table" and value or { value }) do
      words[#words + 1] = "--data-urlencode"
      words[#words + 1] = key .. "=" .. one
    end
  end
  local answer = lab:get("/lab/answer", table.unpack(words))
  local v = {}
  for _, name in ipairs { "verdict", "code", "score", "solved", "gradable", "grounded", "evidence", "feedback",
    "ruled_out_why" } do
    v[name] = field(answer.body, name)
  end
  v.evidence = answer.body:match('"evidence": "(c%d+)"') -- its points have the same name
  return v, answer
end

function answers.judged(lab, form, verdict, code)
  local v, answer = answers.post(lab, form)
  t.equal(answer.status, 200, answer.body)
  t.equal(v.verdict .. " " .. v.code, verdict .. " " .. (code or verdict), ("%s at %s"):format(form.class, form.where))
  return v
end

function answers.forget(lab) t.equal(lab:get("/lab/captures", "-X", "DELETE").status, 200) end

return answers
