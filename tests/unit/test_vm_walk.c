/* SPDX-License-Identifier: MIT
 * Stacks of any depth, over several coroutines: both ways to walk them (through
 * Lua's structures, and by lua_getstack) show the same frames. */
#include "vm/walk.h"

#include <lauxlib.h>
#include <lualib.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "stack/stack.h"
#include "mem/mem.h"
#include "vm/lualayout.h"
#include "vm/vm.h"

static lab_frame seen[LAB_WALK_DEPTH];
static size_t nseen;

/* look(skip): notes the frames of the calling coroutine's chain. */
static int look(lua_State *L) {
  const lab_resumed alone = {L, NULL}, *chain = lab_resumed_find(L);
  memset(seen, 0, sizeof seen);
  nseen = lab_walk_chain(chain ? chain : &alone, (int)lua_tointeger(L, 1), true,
                         seen);
  return 0;
}

/* call(f): calls f. Not registered. */
static int call_first(lua_State *L) {
  lua_settop(L, 1);
  lua_call(L, 0, 0);
  return 0;
}

static const char program[] =
    "function down(n) if n == 1 then look(skip) return 0 end\n"
    "  local r = down(n - 1)\n"
    "  return r end\n"
    "function nest(n, calls)\n"
    "  if n == 0 then look(skip) return end\n"
    "  local co = coroutine.wrap(function() nestDown(n, calls, calls) end)\n"
    "  co()\n"
    "end\n"
    "function nestDown(n, calls, left)\n"
    "  if left > 0 then nestDown(n, calls, left - 1) return 0 end\n"
    "  nest(n - 1, calls)\n"
    "  return 0 end\n";

static void do_text(lua_State *L, const char *text) {
  if (luaL_dostring(L, text))
    fail_msg("%s", lua_tostring(L, -1));
}

static int open_program(lua_State *L) {
  luaL_openlibs(L);
  lua_register(L, "look", look);
  lua_getglobal(L, "coroutine");
  lab_walk_register(L, "coroutine", false);
  lua_pop(L, 1);
  lua_pushinteger(L, 0);
  lua_setglobal(L, "skip");
  if (luaL_loadbuffer(L, program, sizeof program - 1, "@walk.lua"))
    return lua_error(L);
  lua_call(L, 0, 0);
  return 0;
}

/* Of a VM, whose functions alone are counted when they are freed. */
static lua_State *new_program(void) {
  static lab_vm vm;
  lua_State *L = luaL_newstate();
  assert_non_null(L);
  *(lab_vm **)lua_getextraspace(L) = &vm;
  lua_pushcfunction(L, open_program);
  if (lua_pcall(L, 0, 0, 0))
    fail_msg("%s", lua_tostring(L, -1));
  return L;
}

static int line_of(size_t i) {
  return lab_frame_line(seen[i]);
}

/* look, and CALLS of `down`, and the chunk. */
static void check_depth(lua_State *L, unsigned calls) {
  char text[64];
  snprintf(text, sizeof text, "down(%u)", calls);
  do_text(L, text);
  size_t all = calls + 2, marks = 0;
  if (all <= LAB_WALK_DEPTH) {
    assert_int_equal(nseen, all);
  } else {
    assert_int_equal(nseen, LAB_WALK_DEPTH);
    marks = 1;
    assert_int_equal(lab_frame_count_left_out(seen[LAB_WALK_LEAVES]),
                     all - LAB_WALK_LEAVES - LAB_WALK_ROOTS);
  }
  assert_int_equal(line_of(1), 1);
  for (size_t i = 2; i + 1 < nseen; i++)
    if (marks == 0 || i != LAB_WALK_LEAVES)
      assert_int_equal(line_of(i), 2);
  const lab_func *chunk = lab_func_get(lab_frame_func(seen[nseen - 1]));
  assert_string_equal(chunk->source, text);
  assert_int_equal(chunk->line, 0);
}

static void check_depths(lua_State *L) {
  for (unsigned calls = 1; calls < 300; calls++)
    check_depth(L, calls);
  check_depth(L, 1000);
  check_depth(L, 150000);
}

/* The same chunk again and again, each time with its function on another line.
 * The collector frees the one before, so the next comes to the same address. */
static void test_freed_code(void **state) {
  (void)state;
  lua_State *L = new_program();
  lab_layout_check(L, &lab_lua_layout);
  assert_true(lab_layout_fits());
  for (int line = 1; line <= 100; line++) {
    char text[160];
    memset(text, '\n', (size_t)line - 1);
    int len = snprintf(text + line - 1, 32, "look(skip) return 0") + line - 1;
    if (luaL_loadbuffer(L, text, (size_t)len, "@again.lua") ||
        lua_pcall(L, 0, 0, 0))
      fail_msg("%s", lua_tostring(L, -1));
    assert_int_equal(line_of(1), line);
    lua_gc(L, LUA_GCCOLLECT);
  }
  lua_close(L);
}

static void test_depths(void **state) {
  (void)state;
  lua_State *L = new_program();
  assert_false(lab_layout_fits());
  check_depths(L);
  lua_close(L);
  L = new_program();
  lab_layout_check(L, &lab_lua_layout);
  assert_true(lab_layout_fits());
  check_depths(L);
  lua_close(L);
}

/* Frames have no coroutine in them, so it is enough to compare the two ways. */
static void check_same(lua_State *L, const char *text) {
  lab_frame layout[LAB_WALK_DEPTH];
  lab_layout wrong = lab_lua_layout;
  lab_layout_check(L, &lab_lua_layout);
  assert_true(lab_layout_fits());
  do_text(L, text);
  size_t n = nseen;
  memcpy(layout, seen, sizeof layout);
  wrong.call_c = 1 << 3;
  lab_layout_check(L, &wrong);
  assert_false(lab_layout_fits());
  do_text(L, text);
  assert_int_equal(n, nseen);
  assert_memory_equal(layout, seen, sizeof seen);
}

static void test_coroutines(void **state) {
  (void)state;
  lua_State *L = new_program();
  for (int coroutines = 0; coroutines <= 12; coroutines++)
    for (int calls = 0; calls <= 60; calls += 6) {
      char text[64];
      snprintf(text, sizeof text, "nest(%d, %d)", coroutines, calls);
      check_same(L, text);
    }
  check_same(L, "skip = 1 nest(3, 3)");
  check_same(L, "skip = 3 nest(3, 3)");
  check_same(L, "skip = 3 nest(8, 40)");
  check_same(L, "skip = 200 nest(8, 40)");
  check_same(L, "skip = 0 table.sort({3, 1, 2}, function(a, b)\n"
                "look() return a < b end)");
  check_same(L, "pcall(string.gsub, 'x', 'x', function() down(200) end)");
  lua_close(L);
}

/* A C function without a name of its own: what a script calls it would be one
 * more for each word that there is. Both ways say the same. */
static void test_unregistered(void **state) {
  (void)state;
  static const char *const calls[] = {
      "local a = call a(look, skip)", "local b = call b(look, skip)",
      "for _ in call, look, skip do end", "local t = t[look]"};
  lua_State *L = new_program();
  lua_register(L, "call", call_first);
  do_text(L, "t = setmetatable({}, {__index = function(_, f) call(f) end})");
  for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
    check_same(L, calls[i]);
    const lab_func *c = lab_func_get(lab_frame_func(seen[1]));
    assert_int_equal(c->kind, LAB_FUNC_PSEUDO);
    assert_string_equal(c->name, "[C function]");
  }
  lua_close(L);
}

static const char deep_program[] =
    "function dive(n, each)\n"
    "  if n % each == 0 then look(skip) end\n"
    "  if n > 0 then dive(n - 1, each) end\n"
    "  if n % each == 0 then look(skip) end\n"
    "  if n % 1000 == 3 then down(40) end\n"
    "end\n"
    "function other(n)\n"
    "  if n > 0 then return 1 + other(n - 1) end\n"
    "  look(skip) return 0\n"
    "end";

/* A walk over a deep stack ends at what an earlier one has remembered. Each
 * text looks several times, while calls begin and return; what the last look
 * sees must not depend on those before. */
static void test_deep_again(void **state) {
  (void)state;
  static const char *const texts[] = {
      "dive(5000, 1)",                       /* looks at each depth */
      "dive(5000, 7) down(20)",              /* and again near the root */
      "dive(5000, 100) dive(5001, 100)",     /* one call more outside */
      "other(5000) dive(5000, 4999)",        /* others at the same places */
      "dive(5000, 4999) other(5000)",        /* the other way */
      "other(2047) other(2048) other(2049)", /* where it begins */
      "dive(3000, 3000) other(1500) dive(3000, 3000) other(2500)",
      "coroutine.wrap(function() dive(4000, 500) end)() dive(4000, 500)",
      "dive(4000, 500) coroutine.wrap(function() dive(4000, 500) end)()",
      "pcall(function() dive(4000, 10) error('x') end) other(4000)",
      "nest(3, 2500)",
      "skip = 1500 dive(5000, 50) other(5000) skip = 0",
  };
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
    lua_State *L = new_program(); /* the layout is compared in a small one */
    do_text(L, deep_program);
    check_same(L, texts[i]);
    lua_close(L);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_depths),     cmocka_unit_test(test_freed_code),
      cmocka_unit_test(test_coroutines), cmocka_unit_test(test_unregistered),
      cmocka_unit_test(test_deep_again),
  };
  lab_mem_init(); /* a state of a VM tells it what it collects */
  return cmocka_run_group_tests(tests, NULL, NULL);
}
