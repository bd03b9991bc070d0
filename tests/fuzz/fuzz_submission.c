/* SPDX-License-Identifier: MIT
 * Takes any bytes for an answer ('{' begins JSON, anything else is a form),
 * reads it as lua/submission.lua does, and has it judged by a lesson and by one
 * capture that shows its fault. The Lua files are compiled once: a judgement of
 * its own for each answer is fuzz_judge's. Checked: nothing raises; the
 * verdict, its score and its texts are in order; nothing is solved but by the
 * right words; and the function to blame is in no text of somebody who doesn't
 * know it. */
#include <lauxlib.h>
#include <lualib.h>
#include <stdio.h>

#include "input.h"
#include "scenario/host_files.h"
#include "scenario/parts.h"

static const char checker[] =
    "local host, newParts = ...\n"
    "local parts = newParts(host)\n"
    "local GUILTY = 'startGoroutines'\n"
    "local FUNCTIONS = { ['workers.' .. GUILTY] = true, ['workers.request'] = "
    "true,\n"
    "  ['workers.spin'] = true, ['lab.go'] = true }\n"
    "local lesson = assert(parts.lesson.read {\n"
    "  title = 'Slower', symptom = 'It gets slower.', difficulty = 1,\n"
    "  minutes = 5, hints = {}, load = { requests = 100 },\n"
    "  expect = { { profile = 'goroutine', under = GUILTY, share = '>= 0.9',\n"
    "    value = '= 5 per request' } },\n"
    "  diagnosis = { class = 'leak.task', where = GUILTY,\n"
    "    victims = 'spin', number = { 5, '', 'how many?' } },\n"
    "})\n"
    /* 5 tasks for each of 100 requests, as diagnosis/profile.c tells it */
    "local profile = {}\n"
    "function profile.has_function(_, name) return FUNCTIONS[name] end\n"
    "function profile.function_at(_, text)\n"
    "  return text == 'scenario.lua:14' and 'workers.' .. GUILTY or nil\n"
    "end\n"
    "function profile.sum() return { whole = 500, part = 500, n = 500 } end\n"
    "function profile.stacks()\n"
    "  return { { 'spin', GUILTY, 'request', weight = 500 } }\n"
    "end\n"
    "local view = { id = 'c1', kind = 'goroutine', slug = 'workers',\n"
    "  profiles = { goroutine = profile }, requests = 100, elapsed = 1 }\n"
    "local VERDICTS = { solved = true, partial = true, wrong = true, invalid = "
    "true }\n"
    "local function knows(answer)\n"
    "  for _, h in ipairs(answer.hypotheses) do\n"
    "    local where = h.where or ''\n"
    "    if where:find(GUILTY, 1, true) or where == 'scenario.lua:14' then\n"
    "      return true\n"
    "    end\n"
    "  end\n"
    "end\n"
    "local function checkSolved(answer, result)\n"
    "  local h = answer.hypotheses[1]\n"
    "  assert(h.class == 'leak.task' and knows(answer))\n"
    "  assert(result.score >= 90 and result.grounded)\n"
    "end\n"
    "return function(text, isJson)\n"
    "  local answer, problem = parts.submission.read(text, isJson)\n"
    "  if not answer then\n"
    "    assert(type(problem) == 'string' and #problem > 0)\n"
    "    return\n"
    "  end\n"
    "  assert(#answer.hypotheses <= 3)\n"
    "  local result = parts.judge.answer(answer, lesson, { view }, {}, nil)\n"
    "  assert(VERDICTS[result.verdict] and result.score >= 0 and result.score "
    "<= 100)\n"
    "  if result.verdict == 'solved' then checkSolved(answer, result) end\n"
    "  local facts = { step = 5, attempt = '1', looked = { 'c1' } }\n"
    "  local told = parts.verdict.text(result, facts)\n"
    "  assert(knows(answer) or text:find(GUILTY, 1, true)\n"
    "    or not told:find(GUILTY, 1, true), told)\n"
    "  local json = assert(parts.read_json(parts.verdict.json(result, "
    "facts)))\n"
    "  assert(json.verdict == result.verdict and json.score == result.score)\n"
    "end\n";

static lua_State *L;

/* The fuzzer sees no coverage in Lua, so it is told: a counter for each line of
 * each file, some of which share one. Its library looks for this section. */
enum { LINES_MAX = 4096, FILE_LINES = 512 };
__attribute__((
    section("__libfuzzer_extra_counters"))) static uint8_t lines[LINES_MAX];

static void count_line(lua_State *state, lua_Debug *ar) {
  lua_getinfo(state, "S", ar);
  unsigned file = 0;
  for (const char *at = ar->source; *at; at++)
    file = file * 31 + (unsigned char)*at;
  lines[(file * FILE_LINES + (unsigned)ar->currentline) % LINES_MAX]++;
}

int LLVMFuzzerInitialize(int *argc, char ***argv) {
  (void)argc;
  (void)argv;
  L = luaL_newstate();
  luaL_openlibs(L);
  LAB_ASSERT(luaL_loadbuffer(L, checker, sizeof checker - 1, "=checker") ==
             LUA_OK);
  lua_newtable(L);
  luaL_setfuncs(L, lab_host_files, 0);
  lab_part_push(L, "parts");
  lua_call(L, 2, 1); /* the check stays on the stack */
  lua_sethook(L, count_line, LUA_MASKLINE, 0);
  return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  lua_pushvalue(L, 1);
  lua_pushlstring(L, (const char *)data, size);
  lua_pushboolean(L, size > 0 && data[0] == '{');
  if (lua_pcall(L, 2, 0, 0) != LUA_OK) {
    fprintf(stderr, "%s\n", lua_tostring(L, -1));
    LAB_ASSERT(!"a check in Lua");
  }
  LAB_ASSERT(lua_gettop(L) == 1);
  return 0;
}
