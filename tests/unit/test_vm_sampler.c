/* SPDX-License-Identifier: MIT
 * needs: processor
 * Who has the CPU time of Lua code that doesn't look for the hook where it was
 * interrupted: a function that ends in a tail call, and lines that call nothing
 * before which Lua notes its place. */
#include "vm/sampler.h"

#include <lauxlib.h>
#include <lualib.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "mem/mem.h"
#include "prof/cpu.h"
#include "stack/stack.h"
#include "stack/unwind.h"
#include "vm/machine.h"
#include "vm/vm.h"

enum { LINES = 100, HZ = 1000 };
static const uint64_t BUSY_NS = 400 * LAB_MILLISECOND;

/* Each function is on one line, or its lines are named below. */
static const char program[] =
    "local function step(n) return ('a = (a * 31 + 7) % 1000003 '):rep(n) end\n"
    "function cheap(a) a = (a * 31 + 1) % 1000003 return a end\n"
    "dear = load('local a = ... ' .. step(60) .. 'return cheap(a)', '=dear')\n"
    "function callDear()\n"
    "  while busy() do for i = 1, 100 do local r = dear(i) end end\n"
    "end\n"
    "function loop(n, a)\n"
    "  if n == 0 then return a end\n"
    "  a = (a * 31 + n) % 1000003\n"
    "  return loop(n - 1, a)\n"
    "end\n"
    "function callLoop() while busy() do local r = loop(2000, 7) end end\n"
    "function ping(n, a) if n == 0 then return a end\n"
    "  return pong(n - 1, (a * 31 + n) % 1000003) end\n"
    "function pong(n, a) if n == 0 then return a end\n"
    "  return ping(n - 1, (a * 31 + n) % 1000003) end\n"
    "function callPing() while busy() do local r = ping(2000, 7) end end\n"
    "function powers()\n"
    "  local list, b = { 1, 2, 3 }, 2\n"
    "  while busy() do\n"
    "    for i = 1, 1000 do\n"
    "      local n = #list\n"
    "      b = ((((b ^ 0.5) ^ 1.1 + 2) ^ 0.3) ^ 1.7 + n) ^ 0.9 + #list\n"
    "    end\n"
    "  end\n"
    "end\n"
    "function inside(f) coroutine.wrap(f)() end\n"
    "function makeGarbage() while busy() do for i = 1, 10 do thing() end end\n"
    "end\n";
/* Its lines. */
enum {
  CHEAP = 2,
  CALL_DEAR = 4,
  LOOP = 7,
  LOOP_TAIL_CALL = 10,
  CALL_LOOP = 12,
  PING = 13,
  PONG = 15,
  CALL_PING = 17,
  PLACE_NOTED = 22,
  POWERS = 23,
};

/* ---- one profile --------------------------------------------------------- */

static uint64_t until; /* CPU ns of the VM's thread */
static const char *called, *argument;
/* ns by the innermost Lua function: where it is defined, and the line. */
static int64_t flat[LINES], at_line[LINES], of_dear;
/* ns in finalizers, below the collector's frame or not. */
static int64_t finalizing[2];

static int busy(lua_State *L) {
  lua_pushboolean(L, lab_clock_thread_cpu() < until);
  return 1;
}

/* The finalizer of a thing. */
static int free_slowly(lua_State *L);
__attribute__((noinline)) static int free_slowly(lua_State *L) {
  uint64_t end = lab_clock_thread_cpu() + LAB_MILLISECOND / 10;
  while (lab_clock_thread_cpu() < end)
    ;
  return lua_gettop(L) - 1;
}

static int thing(lua_State *L) {
  lua_newuserdatauv(L, 1000, 0);
  lua_newtable(L);
  lua_pushcfunction(L, free_slowly);
  lua_setfield(L, -2, "__gc");
  lua_setmetatable(L, -2);
  return 1;
}

static int open_program(lua_State *L) {
  luaL_openlibs(L);
  lua_register(L, "busy", busy);
  lua_register(L, "thing", thing);
  if (luaL_loadbuffer(L, program, sizeof program - 1, "@work.lua"))
    return lua_error(L);
  lua_call(L, 0, 0);
  return 0;
}

static void run_program(void *arg) {
  lab_vm *vm = arg;
  lua_State *co = lua_newthread(vm->L);
  int results;
  lab_sampler_attach();
  until = lab_clock_thread_cpu() + BUSY_NS;
  lua_getglobal(co, called);
  if (argument)
    lua_getglobal(co, argument);
  assert_int_equal(lua_resume(co, vm->L, argument != NULL, &results), LUA_OK);
  lua_pop(vm->L, 1);
  lab_sampler_detach();
}

static bool is_pseudo(lab_frame frame, const char *name) {
  const lab_func *f = lab_func_get(lab_frame_func(frame));
  return lab_frame_is_script(frame) && f && f->kind == LAB_FUNC_PSEUDO &&
         strcmp(f->name, name) == 0;
}

/* What is directly below free_slowly. */
static void note_finalizer(const lab_frame *frames, size_t n, int64_t ns) {
  for (size_t i = 0; i + 1 < n; i++) {
    const char *name =
        lab_frame_is_script(frames[i])
            ? NULL
            : lab_code_name((uintptr_t)frames[i] - (i > 0), NULL);
    if (name && strncmp(name, "free_slowly", 11) == 0)
      finalizing[is_pseudo(frames[i + 1], "[lua gc]")] += ns;
  }
}

static void note_stack(uint32_t stack, uint32_t label, int64_t count,
                       int64_t ns, void *arg) {
  const lab_frame *frames;
  size_t n = lab_stack_frames(stack, &frames);
  (void)label;
  (void)count;
  (void)arg;
  note_finalizer(frames, n, ns);
  for (size_t i = 0; i < n; i++) {
    const lab_func *f = lab_frame_is_script(frames[i])
                            ? lab_func_get(lab_frame_func(frames[i]))
                            : NULL;
    if (!f || f->kind != LAB_FUNC_LUA)
      continue;
    if (strcmp(f->source, "=dear") == 0) {
      of_dear += ns;
      return;
    }
    assert_in_range(f->line, 0, LINES - 1);
    flat[f->line] += ns;
    at_line[lab_frame_line(frames[i])] += ns;
    return;
  }
}

/* FUNCTION(WITH) is called; WITH may be NULL. */
static void profile(const char *function, const char *with) {
  static lab_vm vm;
  lab_err err;
  lab_thread *thread;
  lab_cpu_session *session;
  called = function;
  argument = with;
  memset(flat, 0, sizeof flat);
  memset(at_line, 0, sizeof at_line);
  of_dear = finalizing[0] = finalizing[1] = 0;
  vm = (lab_vm){.L = NULL};
  assert_int_equal(lab_machine_open(&vm, open_program, &err), 0);
  assert_int_equal(lab_cpu_start(&session, HZ, &err), 0);
  assert_int_equal(lab_thread_start(&thread, "vm", run_program, &vm), 0);
  lab_thread_join(thread);
  lab_cpu_stop(session);
  lab_cpu_each(session, note_stack, NULL);
  lab_cpu_free(session);
  lab_machine_close(&vm);
}

/* ---- tests --------------------------------------------------------------- */

static void check_loop(void) {
  assert_true(flat[LOOP] > 10 * flat[CALL_LOOP]);
  assert_true(at_line[LOOP_TAIL_CALL] > flat[LOOP] / 2);
}

static void test_tail_calls_itself(void **state) {
  (void)state;
  profile("callLoop", NULL);
  check_loop();
}

static void test_in_a_coroutine(void **state) {
  (void)state;
  profile("inside", "callLoop");
  check_loop();
}

static void test_two_in_turns(void **state) {
  (void)state;
  profile("callPing", NULL);
  assert_true(flat[PING] > 5 * flat[CALL_PING]);
  assert_true(flat[PONG] > 5 * flat[CALL_PING]);
  assert_true(flat[PING] < 2 * flat[PONG] && flat[PONG] < 2 * flat[PING]);
}

/* Neither the caller has it, nor the function that was called in its place. */
static void test_dear_one_calls_cheap_one(void **state) {
  (void)state;
  profile("callDear", NULL);
  assert_true(of_dear > 5 * flat[CALL_DEAR]);
  assert_true(of_dear > 5 * flat[CHEAP]);
}

/* Lua notes its place before it takes a length, and not before it calls pow. */
static void test_line_of_powers(void **state) {
  (void)state;
  profile("powers", NULL);
  assert_true(at_line[POWERS] > 2 * at_line[PLACE_NOTED]);
}

/* The collector calls them, and they are shown below it. */
static void test_finalizers(void **state) {
  (void)state;
  profile("makeGarbage", NULL);
  assert_true(finalizing[true] > 0);
  assert_int_equal(finalizing[false], 0);
}

int main(void) {
#ifdef __SANITIZE_THREAD__ /* it holds signals back while Lua runs */
  return 77;
#endif
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_tail_calls_itself),
      cmocka_unit_test(test_in_a_coroutine),
      cmocka_unit_test(test_two_in_turns),
      cmocka_unit_test(test_dear_one_calls_cheap_one),
      cmocka_unit_test(test_line_of_powers),
      cmocka_unit_test(test_finalizers),
  };
  lab_mem_init();
  lab_unwind_init();
  lab_cpu_init();
  return cmocka_run_group_tests(tests, NULL, NULL);
}
