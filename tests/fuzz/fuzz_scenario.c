/* SPDX-License-Identifier: MIT
 * Makes any table that scenario.lua could return, and lets the application's
 * own Lua code (lua/steps.lua) check it and read its parameters. Checked: that
 * never raises; a refusal names the file and a line; and what is accepted has
 * the types that the rest of the lab relies on. */
#include <lauxlib.h>
#include <lualib.h>
#include <math.h>
#include <stdio.h>

#include "input.h"
#include "scenario/host_files.h"

extern const char lab_lua_steps[];
extern const size_t lab_lua_steps_len;

enum { DEPTH_MAX = 5, ITEMS_MAX = 12 };

/* ---- a value out of bytes ------------------------------------------------ */

static const char *const words[] = {"title",
                                    "symptom",
                                    "difficulty",
                                    "minutes",
                                    "params",
                                    "limits",
                                    "memory",
                                    "fds",
                                    "routes",
                                    "enter",
                                    "request",
                                    "leave",
                                    "hints",
                                    "expect",
                                    "diagnosis",
                                    "kind",
                                    "where",
                                    "accept",
                                    "top",
                                    "share",
                                    "requests",
                                    "/report",
                                    "size",
                                    "step",
                                    "1GiB",
                                    "10MB",
                                    "heap.inuse_space",
                                    "/goto",
                                    "true",
                                    "grows",
                                    "0x10",
                                    "1e3",
                                    "12.5 KiB",
                                    "999999999999GiB",
                                    "titel",
                                    ""};

static const uint8_t *bytes;
static size_t nbytes;
static fuzz_input in;

static void push_value(lua_State *L, int depth);

static int do_nothing(lua_State *L) {
  (void)L;
  return 0;
}

static void push_text(lua_State *L) {
  unsigned n = fuzz_byte(&in);
  if (n < 224) {
    lua_pushstring(L, words[n % (sizeof words / sizeof *words)]);
    return;
  }
  size_t len;
  char *text = fuzz_copy(&in, n - 224, &len);
  lua_pushlstring(L, text, len); /* the memory suffices */
  free(text);
}

static void push_table(lua_State *L, int depth) {
  unsigned shape = fuzz_byte(&in);
  lua_newtable(L);
  for (unsigned i = 1; i <= shape % ITEMS_MAX; i++) {
    if (shape & 0x80) /* a list */
      lua_pushinteger(L, (lua_Integer)i);
    else if (shape & 0x40)
      push_value(L, DEPTH_MAX);
    else
      push_text(L);
    push_value(L, depth + 1);
    bool fits = !lua_isnil(L, -2) &&
                (lua_type(L, -2) != LUA_TNUMBER ||
                 lua_tonumber(L, -2) == lua_tonumber(L, -2)); /* no NaN */
    if (fits)
      lua_rawset(L, -3);
    else
      lua_pop(L, 2);
  }
  if (shape % ITEMS_MAX == 11) { /* not plain */
    lua_newtable(L);
    lua_setmetatable(L, -2);
  }
}

static void push_number(lua_State *L) {
  static const double odd[] = {0.5, -1, 1e300, 2147483648.0, 5, 0};
  uint64_t n = fuzz_number(&in);
  if (n % 4 == 3)
    lua_pushnumber(L, odd[n / 4 % 6] * (n % 32 == 31 ? HUGE_VAL : 1));
  else
    lua_pushinteger(L, (lua_Integer)(n / 4));
}

static void push_value(lua_State *L, int depth) {
  switch (fuzz_below(&in, 8)) {
  case 0:
    lua_pushboolean(L, fuzz_byte(&in) % 2);
    break;
  case 1:
    lua_pushcfunction(L, do_nothing);
    break;
  case 2:
  case 3:
    push_number(L);
    break;
  case 4:
  case 5:
    push_text(L);
    break;
  case 6:
    lua_pushnil(L);
    break;
  default:
    if (depth < DEPTH_MAX)
      push_table(L, depth);
    else
      push_text(L);
  }
}

/* What scenario.lua returns; each time the same. */
static int build_scenario(lua_State *L) {
  luaL_checkstack(L, 100, NULL);
  in = fuzz_open(bytes, nbytes);
  unsigned flags = fuzz_byte(&in);
  if (flags == 255) {
    push_value(L, 0);
    return 1;
  }
  push_table(L, 0);
  if (flags % 8 > 0) {
    lua_pushcfunction(L, do_nothing);
    lua_setfield(L, -2, "request");
  }
  return 1;
}

/* ---- what is checked ----------------------------------------------------- */

static const char checker[] =
    "local host, newSteps, build = ...\n"
    "local FILE = '/s/07-x/scenario.lua'\n"
    "host.read = function() return 'return {\\n  title = 1, [\"fds\"]=2 }\\n' "
    "end\n"
    "host.realpath = function(path) return path end\n"
    "host.compile = function() return build end\n"
    "host.run = pcall\n"
    "host.explain = tostring\n"
    "host.dirs, host.params = {}, { '7.size=12', '8.size=x' }\n"
    "local steps = newSteps(host, function() return {} end)\n"
    "local function isText(v) return v == nil or type(v) == 'string' end\n"
    "local function isWhole(v, least, most)\n"
    "  return math.type(v) == 'integer' and v >= least and v <= most\n"
    "end\n"
    "local function checkAccepted(s)\n"
    "  assert(getmetatable(s) == nil and type(s.request) == 'function')\n"
    "  assert(isText(s.title) and isText(s.symptom))\n"
    "  assert(s.difficulty == nil or isWhole(s.difficulty, 1, 5))\n"
    "  assert(s.minutes == nil or isWhole(s.minutes, 1, 1000))\n"
    "  for i, hint in pairs(s.hints or {}) do\n"
    "    assert(isWhole(i, 1, #s.hints) and type(hint) == 'string')\n"
    "  end\n"
    "  for path, route in pairs(s.routes or {}) do\n"
    "    assert(path:sub(1, 1) == '/' and #path <= 63)\n"
    "    assert(type(route) == 'function')\n"
    "  end\n"
    "end\n"
    "local function checkLoaded(s, declared, memory, fds)\n"
    "  assert(isWhole(memory, 0, 1 << 60) and isWhole(fds, 0, 1 << 20))\n"
    "  for name, param in pairs(declared) do\n"
    "    assert(type(s.params[name]) == type(param[1]))\n"
    "    assert(math.type(param[1]) ~= 'integer'\n"
    "      or math.type(s.params[name]) == 'integer')\n"
    "  end\n"
    "end\n"
    "return function(overrides)\n"
    "  local entry = { number = 7, slug = 'x', file = FILE }\n"
    "  local s, status, problem = steps.read(entry)\n"
    "  if not s then\n"
    "    assert(status == 500 and problem:find('^/s/07%-x/scenario.lua:%d+: "
    ".'),"
    " problem)\n"
    "    return\n"
    "  end\n"
    "  checkAccepted(s)\n"
    "  local loaded, memory, fds = steps.load(entry, overrides)\n"
    "  if loaded then\n"
    "    checkLoaded(loaded, s.params or {}, memory, fds)\n"
    "  else\n"
    "    assert(memory == 400 and type(fds) == 'string', fds)\n"
    "  end\n"
    "end\n";

static lua_State *L;

/* The fuzzer sees no coverage in Lua, so it is told: a counter for each line of
 * steps.lua. Its library looks for this section. */
enum { LINES_MAX = 1024 };
__attribute__((
    section("__libfuzzer_extra_counters"))) static uint8_t lines[LINES_MAX];

static void count_line(lua_State *state, lua_Debug *ar) {
  lua_getinfo(state, "S", ar);
  if (ar->source[0] == '=')
    lines[ar->currentline % LINES_MAX]++;
}

int LLVMFuzzerInitialize(int *argc, char ***argv) {
  (void)argc;
  (void)argv;
  L = luaL_newstate();
  luaL_openlibs(L);
  LAB_ASSERT(luaL_loadstring(L, checker) == LUA_OK);
  lua_newtable(L);
  luaL_setfuncs(L, lab_host_files, 0);
  int rc = luaL_loadbuffer(L, lab_lua_steps, lab_lua_steps_len, "=steps.lua");
  LAB_ASSERT(rc == LUA_OK);
  lua_pushcfunction(L, build_scenario);
  lua_call(L, 3, 1); /* the check stays on the stack */
  lua_sethook(L, count_line, LUA_MASKLINE, 0);
  return 0;
}

/* /goto's parameters: a name and a word. */
static void push_overrides(const uint8_t *data, size_t size) {
  in = fuzz_open(data, size);
  lua_newtable(L);
  if (fuzz_byte(&in) % 2 == 0)
    return;
  push_text(L);
  push_text(L);
  lua_rawset(L, -3);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  size_t head = size < 8 ? size : 8;
  bytes = data + head;
  nbytes = size - head;
  lua_pushvalue(L, 1);
  push_overrides(data, head);
  if (lua_pcall(L, 1, 0, 0) != LUA_OK) {
    fprintf(stderr, "%s\n", lua_tostring(L, -1));
    LAB_ASSERT(!"a check in Lua");
  }
  LAB_ASSERT(lua_gettop(L) == 1);
  return 0;
}
