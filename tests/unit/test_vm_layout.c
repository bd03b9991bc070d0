/* SPDX-License-Identifier: MIT
 * What vm/lualayout.h says about Lua's insides is what lua_getinfo says:
 * functions, C functions and lines of every level, in coroutines that are
 * running, parked, not begun, and in functions long enough for each encoding of
 * lines. The walk below is the one that tools/gdb makes in Python. */
#include "vm/lualayout.h"

#include <fcntl.h>
#include <lauxlib.h>
#include <limits.h>
#include <lualib.h>
#include <stdarg.h>
#include <setjmp.h>
#include <stdbool.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- reading memory ------------------------------------------------------ */

static int base_line(const lab_layout_proto *p, int pc, int *base_pc) {
  if (p->nabslineinfo == 0 || pc < p->abslineinfo[0].pc) {
    *base_pc = -1;
    return p->line_defined;
  }
  int i = 0;
  while (i + 1 < p->nabslineinfo && pc >= p->abslineinfo[i + 1].pc)
    i++;
  *base_pc = p->abslineinfo[i].pc;
  return p->abslineinfo[i].line;
}

static int line_of(const lab_layout_proto *p, const uint32_t *saved) {
  int pc = (int)(saved - p->code) - 1, at;
  int line = base_line(p, pc, &at);
  while (at++ < pc)
    line += p->lineinfo[at];
  return line;
}

static const lab_layout_call *level(const lab_layout_state *s, int n) {
  const lab_layout_call *call = s->call;
  while (n-- > 0 && call != &s->base)
    call = call->previous;
  return call == &s->base ? NULL : call;
}

static lua_CFunction c_function(const lab_layout_value *v) {
  if (v->type == lab_lua_layout.c_function)
    return v->as.function;
  assert_int_equal(v->type, lab_lua_layout.c_closure);
  return ((const lab_layout_cclosure *)v->as.object)->function;
}

/* ---- comparing ----------------------------------------------------------- */

static unsigned compared;

static void compare_lua(const lab_layout_call *call, const lua_Debug *ar) {
  assert_int_equal(call->func->type, lab_lua_layout.lua_function);
  const lab_layout_function *f = call->func->as.object;
  const lab_layout_string *source = f->proto->source;
  size_t len =
      source->type >> 4 & 1 ? source->u.long_length : source->short_length;
  assert_int_equal(len, ar->srclen);
  assert_memory_equal(source->text, ar->source, len);
  assert_int_equal(f->proto->line_defined, ar->linedefined);
  assert_int_equal(f->proto->last_line_defined, ar->lastlinedefined);
  assert_int_equal(line_of(f->proto, call->u.lua.pc), ar->currentline);
}

/* All levels of CO. */
static void compare(lua_State *co) {
  const lab_layout_state *s = (const lab_layout_state *)(const void *)co;
  lua_Debug ar;
  int n = 0;
  for (; lua_getstack(co, n, &ar); n++, compared++) {
    const lab_layout_call *call = level(s, n);
    assert_non_null(call);
    assert_true(lua_getinfo(co, "Slt", &ar));
    bool is_c = ar.what[0] == 'C';
    assert_int_equal(!!(call->status & lab_lua_layout.call_c), is_c);
    assert_int_equal(!!(call->status & lab_lua_layout.call_tail),
                     ar.istailcall);
    if (!is_c) {
      compare_lua(call, &ar);
      continue;
    }
    lua_CFunction want;
    lua_getinfo(co, "f", &ar);
    want = lua_tocfunction(co, -1);
    lua_pop(co, 1);
    assert_true(c_function(call->func) == want);
  }
  assert_null(level(s, n));
  assert_int_equal(s->status, lua_status(co));
}

/* check([co]): the calling coroutine, or CO. */
static int check(lua_State *L) {
  compare(lua_isthread(L, 1) ? lua_tothread(L, 1) : L);
  return 0;
}

static int check_closure(lua_State *L) {
  assert_int_equal(lua_tointeger(L, lua_upvalueindex(1)), 42);
  compare(L);
  return 0;
}

static void run(const char *chunk, const char *text) {
  lua_State *L = luaL_newstate();
  assert_non_null(L);
  luaL_openlibs(L);
  lua_register(L, "check", check);
  lua_pushinteger(L, 42);
  lua_pushcclosure(L, check_closure, 1);
  lua_setglobal(L, "check_closure");
  compared = 0;
  if (luaL_loadbuffer(L, text, strlen(text), chunk) || lua_pcall(L, 0, 0, 0))
    fail_msg("%s", lua_tostring(L, -1));
  lua_close(L);
}

/* ---- cases --------------------------------------------------------------- */

static void test_levels(void **state) {
  (void)state;
  run("@short.lua", "local function deep(n)\n"
                    "  if n == 0 then check() check_closure() return 0 end\n"
                    "  local x = deep(n - 1)\n"
                    "  return x + 1\n"
                    "end\n"
                    "deep(50)\n"
                    "table.sort({ 3, 1, 2 }, function(a, b)\n"
                    "  check()\n"
                    "  return a < b\n"
                    "end)\n"
                    "local function tail(n) return n == 0 and check() or\n"
                    "  tail(n - 1) end\n"
                    "pcall(tail, 3)\n");
  assert_true(compared > 100);
}

static void test_parked(void **state) {
  (void)state;
  run("@a-chunk-whose-name-is-longer-than-forty-characters.lua",
      "local function wait(n)\n"
      "  if n > 0 then return (wait(n - 1)) end\n"
      "  coroutine.yield()\n"
      "  error('x')\n"
      "end\n"
      "local co = coroutine.create(wait)\n"
      "check(co)\n"
      "coroutine.resume(co, 5)\n"
      "check(co)\n"
      "coroutine.resume(co)\n"
      "check(co)\n"
      "local done = coroutine.create(function() end)\n"
      "coroutine.resume(done)\n"
      "check(done)\n");
  assert_true(compared > 10);
}

/* Functions of a thousand lines, empty ones in between, and calls far apart. */
static void test_long_functions(void **state) {
  (void)state;
  static char text[200000];
  size_t n = 0;
  for (int i = 0; i < 1500; i++) {
    n += (size_t)snprintf(text + n, sizeof text - n,
                          "check() local a = { 1, 2, %d }\n", i);
    for (int k = 0; i % 100 == 0 && k < 300; k++)
      text[n++] = '\n';
    if (i % 50 == 0)
      n += (size_t)snprintf(text + n, sizeof text - n, "do local b = a end\n");
    if (i % 150 == 0)
      n += (size_t)snprintf(text + n, sizeof text - n, "end)(); (function()\n");
  }
  char *whole = malloc(n + 64);
  assert_non_null(whole);
  snprintf(whole, n + 64, "(function()\n%s end)()\n", text);
  run("@long.lua", whole);
  free(whole);
  assert_true(compared >= 3000);
}

/* The program's own check, at start: it finds that all fits, and that another
 * layout doesn't. */
static void test_check(void **state) {
  (void)state;
  lua_State *L = luaL_newstate();
  assert_non_null(L);
  luaL_openlibs(L);
  assert_false(lab_layout_fits());
  lab_layout_check(L, &lab_lua_layout);
  assert_true(lab_layout_fits());
  lab_layout other = lab_lua_layout;
  other.call_c = 1 << 3;
  lab_layout_check(L, &other);
  assert_false(lab_layout_fits());
  other = lab_lua_layout;
  other.lua_function = other.c_closure;
  other.c_closure = lab_lua_layout.lua_function;
  lab_layout_check(L, &other);
  assert_false(lab_layout_fits());
  other = lab_lua_layout;
  other.userdata = lab_lua_layout.c_function;
  lab_layout_check(L, &other);
  assert_false(lab_layout_fits());
  lab_layout_check(L, &lab_lua_layout);
  assert_true(lab_layout_fits());
  assert_int_equal(lua_gettop(L), 0);
  lua_close(L);
}

static unsigned count_tail_calls(lua_State *L, const char *text) {
  assert_int_equal(luaL_loadstring(L, text), LUA_OK);
  const lab_layout_function *f = lua_topointer(L, -1);
  unsigned n = 0;
  for (int i = 0; i < f->proto->ncode; i++)
    n += (f->proto->code[i] & LAB_LAYOUT_OPERATION) == LAB_LAYOUT_TAIL_CALL;
  lua_pop(L, 1);
  return n;
}

static void test_instructions(void **state) {
  (void)state;
  lua_State *L = luaL_newstate();
  assert_non_null(L);
  assert_int_equal(count_tail_calls(L, "return f()"), 1);
  assert_int_equal(count_tail_calls(L, "if x then return f(1) end return f()"),
                   2);
  assert_int_equal(count_tail_calls(L, "local a = f() g(a, b.c) return (f())"),
                   0);
  lua_close(L);
}

/* ---- memory that is out -------------------------------------------------- */

static unsigned allowed; /* allocations until there is no more memory */

static void *allocate_few(void *ud, void *p, size_t old, size_t size) {
  (void)ud;
  (void)old;
  if (size == 0) {
    free(p);
    return NULL;
  }
  if (allowed == 0)
    return NULL;
  allowed--;
  return realloc(p, size);
}

static int check_layout(lua_State *L) {
  lab_layout_check(L, &lab_lua_layout);
  return 0;
}

/* The number that the next descriptor has. */
static int next_descriptor(void) {
  int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
  close(fd);
  return fd;
}

/* Whichever allocation fails: the layout doesn't count as checked, and nothing
 * stays open. */
static void test_no_memory(void **state) {
  (void)state;
  int before = next_descriptor(), status = LUA_ERRMEM;
  unsigned refused = 0;
  for (unsigned n = 0; status == LUA_ERRMEM; n++) {
    allowed = UINT_MAX;
    lua_State *L = lua_newstate(allocate_few, NULL);
    luaL_openlibs(L);
    lua_gc(L, LUA_GCSTOP);
    lua_pushcfunction(L, check_layout);
    allowed = n;
    status = lua_pcall(L, 0, 0, 0);
    allowed = UINT_MAX;
    refused += status == LUA_ERRMEM;
    assert_int_equal(lab_layout_fits(), status == LUA_OK);
    assert_int_equal(next_descriptor(), before);
    lua_close(L);
  }
  assert_int_equal(status, LUA_OK);
  assert_true(refused > 5);
}

/* ---- the collector ------------------------------------------------------- */

static const lab_layout_global *watched;
static bool refuse_one;
static unsigned freed_in_emergency;

static void *allocate_watched(void *ud, void *p, size_t old, size_t size) {
  (void)ud;
  if (size == 0) {
    freed_in_emergency +=
        watched && watched->emergency && watched->state != LAB_LAYOUT_NO_CYCLE;
    free(p);
    return NULL;
  }
  if (refuse_one && (!p || size > old)) {
    refuse_one = false;
    return NULL;
  }
  return p ? realloc(p, size) : calloc(1, size);
}

/* What is true only while Lua collects because an allocation was refused; and
 * the end of a cycle. */
static void test_collector(void **state) {
  (void)state;
  lua_State *L = lua_newstate(allocate_watched, NULL);
  luaL_openlibs(L);
  lab_layout_check(L, &lab_lua_layout);
  watched = lab_layout_global_of(L);
  assert_non_null(watched);
  assert_int_equal(luaL_dostring(L, "for _ = 1, 1000 do local t = {} end"), 0);
  refuse_one = true;
  lua_newtable(L);
  assert_false(refuse_one);
  assert_true(freed_in_emergency > 0);
  assert_int_equal(watched->emergency, 0);
  lua_gc(L, LUA_GCCOLLECT);
  assert_int_equal(watched->state, LAB_LAYOUT_NO_CYCLE);
  watched = NULL;
  lua_close(L);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_levels),         cmocka_unit_test(test_parked),
      cmocka_unit_test(test_long_functions), cmocka_unit_test(test_check),
      cmocka_unit_test(test_no_memory),      cmocka_unit_test(test_collector),
      cmocka_unit_test(test_instructions),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
