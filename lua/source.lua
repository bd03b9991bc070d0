-- SPDX-License-Identifier: MIT
-- What the text of a scenario says without being run: the functions it defines, as
-- profiles print them, the globals it uses, and its tail calls, each with its line.
--
-- source.lua(host, parts) -> source     parts: lines
-- source.read(text) -> { functions = { [name] = line }, globals = { { name, line } },
--   tail_calls = { { name, line } } }
--
-- The text must be correct Lua: it has been compiled before.

local host, parts = ...
local lines = parts.lines
local source = {}

local KEYWORDS = {}
for word in ([[and break do else elseif end false for function goto if in local nil not or repeat return then true
  until while]]):gmatch("%S+") do
  KEYWORDS[word] = true
end

-- ---- the reader ------------------------------------------------------------------

local tokens, at -- of what is read
local out
local scopes -- the visible local names: a list of sets

local function peek(n)
  local token = tokens[at + (n or 0)]
  return token and token[2] or "", token and token[1] or "end of file", token and token[3] or 0
end

local function isName(n)
  local word, kind = peek(n)
  return kind == "word" and not KEYWORDS[word]
end

local function open() scopes[#scopes + 1] = {} end
local function close() scopes[#scopes] = nil end
local function declare(name) scopes[#scopes][name] = true end

local function isLocal(name)
  for i = #scopes, 1, -1 do
    if scopes[i][name] then return true end
  end
  return false
end

local function use(name, line)
  if not isLocal(name) then out.globals[#out.globals + 1] = { name, line } end
end

-- ---- statements and expressions --------------------------------------------------

local block, expression

-- The statements up to the word that ends them, with names of their own.
local function scope()
  open()
  block()
  close()
end

-- The parameters and the body of a function, from its ( to its end.
local function functionBody(isMethod)
  open()
  if isMethod then declare("self") end
  at = at + 1
  while peek() ~= ")" do
    if isName() then declare((peek())) end
    at = at + 1
  end
  at = at + 1
  block()
  at = at + 1
  close()
end

-- { ... }
local function tableConstructor()
  at = at + 1
  while peek() ~= "}" do
    if isName() and peek(1) == "=" then
      at = at + 2
    elseif peek() == "[" then
      at = at + 1
      expression()
      at = at + 2
    end
    expression()
    if peek() == "," or peek() == ";" then at = at + 1 end
  end
  at = at + 1
end

local function arguments()
  local word, kind = peek()
  if kind == "string" then
    at = at + 1
  elseif word == "{" then
    tableConstructor()
  else
    at = at + 1
    while peek() ~= ")" do
      expression()
      if peek() == "," then at = at + 1 end
    end
    at = at + 1
  end
end

-- A name or (...), and what is indexed and called after it. Returns the first
-- name, and whether it ends with a call.
local function suffixedExpression()
  local name, line, called = nil, select(3, peek()), false
  if peek() == "(" then
    at = at + 1
    expression()
    at = at + 1
  else
    name = peek()
    use(name, line)
    at = at + 1
  end
  local plain = true
  while true do
    local word, kind = peek()
    if word == "." and kind == "." then
      at, called, plain = at + 2, false, false
    elseif word == "[" then
      at = at + 1
      expression()
      at, called, plain = at + 1, false, false
    elseif word == ":" then
      at, plain = at + 2, false
      arguments()
      called = true
    elseif kind == "string" or word == "{" or word == "(" then
      arguments()
      called = true
    else
      return name, called, plain, line
    end
  end
end

local UNARY = { ["not"] = true, ["-"] = true, ["#"] = true, ["~"] = true }
local BINARY = {}
for word in ("+ - * / // % ^ & | ~ << >> .. < <= > >= == ~= and or"):gmatch("%S+") do BINARY[word] = true end

local function simpleExpression()
  while UNARY[peek()] do at = at + 1 end
  local word, kind = peek()
  if word == "function" then
    at = at + 1
    functionBody(false)
  elseif word == "{" then
    tableConstructor()
  elseif isName() or word == "(" and kind == "(" then
    suffixedExpression()
  else
    at = at + 1
  end
end

-- What may follow the first operand of an expression.
local function operands()
  while BINARY[peek()] do
    at = at + 1
    simpleExpression()
  end
end

function expression()
  simpleExpression()
  operands()
end

-- What may follow the first expression of a list.
local function furtherExpressions()
  while peek() == "," do
    at = at + 1
    expression()
  end
end

local function expressionList()
  expression()
  furtherExpressions()
end

local BLOCK_ENDS = { ["end"] = true, ["else"] = true, ["elseif"] = true, ["until"] = true, [""] = true }

local function returnStatement()
  at = at + 1
  if BLOCK_ENDS[peek()] or peek() == ";" then return end
  if not isName() then return expressionList() end
  local name, called, plain, line = suffixedExpression()
  if not BLOCK_ENDS[peek()] and peek() ~= ";" then
    operands()
    furtherExpressions()
  elseif called and plain then
    out.tail_calls[#out.tail_calls + 1] = { name, line }
  end
end

local function skipAttribute()
  if peek() == "<" then at = at + 3 end
end

local function localStatement()
  at = at + 1
  if peek() == "function" then
    declare((peek(1)))
    at = at + 2
    functionBody(false)
    return
  end
  local names = {}
  repeat
    names[#names + 1] = peek()
    at = at + 1
    skipAttribute()
    local more = peek() == ","
    if more then at = at + 1 end
  until not more
  if peek() == "=" then
    at = at + 1
    expressionList()
  end
  for _, name in ipairs(names) do declare(name) end
end

local function functionStatement()
  at = at + 1
  local name, _, line = peek()
  use(name, line)
  at = at + 1
  local isMethod = false
  while peek() == "." or peek() == ":" do
    isMethod = peek() == ":"
    at = at + 2
  end
  functionBody(isMethod)
end

local function forStatement()
  at = at + 1
  local names = {}
  while peek() ~= "=" and peek() ~= "in" do
    if isName() then names[#names + 1] = peek() end
    at = at + 1
  end
  at = at + 1
  expressionList()
  open()
  for _, name in ipairs(names) do declare(name) end
  at = at + 1
  block()
  at = at + 1
  close()
end

local function ifStatement()
  repeat
    at = at + 1
    if peek(-1) ~= "else" then
      expression()
      at = at + 1
    end
    scope()
  until peek() == "end"
  at = at + 1
end

local function expressionStatement()
  suffixedExpression()
  while peek() == "," do
    at = at + 1
    suffixedExpression()
  end
  if peek() == "=" then
    at = at + 1
    expressionList()
  end
end

local statements = {
  ["local"] = localStatement, ["function"] = functionStatement, ["for"] = forStatement, ["if"] = ifStatement,
  ["return"] = returnStatement,
  ["while"] = function()
    at = at + 1
    expression()
    at = at + 1
    scope()
    at = at + 1
  end,
  ["do"] = function()
    at = at + 1
    scope()
    at = at + 1
  end,
  ["repeat"] = function()
    at = at + 1
    open()
    block()
    at = at + 1
    expression()
    close()
  end,
  ["goto"] = function() at = at + 2 end,
  ["break"] = function() at = at + 1 end,
  [";"] = function() at = at + 1 end,
  ["::"] = function() at = at + 3 end, -- ::name::
}

function block()
  while not BLOCK_ENDS[peek()] do
    local before = at
    local statement = statements[peek()] or expressionStatement
    statement()
    if at == before then at = at + 1 end -- nothing that is known: go on
  end
end

-- Without those that have no name of their own.
local function functionsOf(text)
  local functions = {}
  for _, one in ipairs(host.function_names(text)) do
    local name, line = one[1], one[2]
    if not name:find("%.func%d") then functions[name] = functions[name] or line end
  end
  return functions
end

function source.read(text)
  tokens, at, scopes = lines.scan(text), 1, {}
  out = { functions = functionsOf(text), globals = {}, tail_calls = {} }
  open()
  block()
  local result = out
  tokens, out, scopes = nil, nil, nil
  return result
end

return source
