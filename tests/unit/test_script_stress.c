/* SPDX-License-Identifier: MIT
 * The sampler against everything Lua can do, at 2000 Hz and, half of the time,
 * with every allocation sampled: no crash, no hang, no changed result. Runs
 * STRESS_SECONDS (default 5; `./lab check` runs it longer, under sanitizers).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/log.h"
#include "mem/mem.h"
#include "mem/memstats.h"
#include "mem/sample.h"
#include "prof/cpu.h"
#include "prof/heap.h"
#include "prof/heap_write.h"
#include "script/script.h"
#include "stack/unwind.h"
#include "vm/vm.h"

static atomic_int ended;
static char failure[4096];

static void no_wake(void *arg) {
  (void)arg;
}

static void stress_ended(lab_vm *vm, lab_lua_task *t, int status,
                         int nresults) {
  (void)vm;
  if (status != LUA_OK)
    snprintf(failure, sizeof failure, "%s", lua_tostring(t->co, -1));
  else
    print_message("%lld rounds\n",
                  nresults ? (long long)lua_tointeger(t->co, -1) : -1);
  atomic_store(&ended, 1);
}

static const lab_lua_task_kind stress_ended_kind = {.ended = stress_ended};

static int now(lua_State *L) {
  lua_pushnumber(L, (double)lab_clock_mono() / 1e9);
  return 1;
}

static double seconds(void) {
  const char *s = getenv("STRESS_SECONDS");
  return s ? atof(s) : 5;
}

/* Protected: loads stress.lua with all of Lua's own library, and starts it. */
static int start(lua_State *L) {
  lab_vm *vm = lab_vm_of(L);
  if (luaL_dofile(L, LAB_SOURCE_DIR "/tests/lua/stress.lua"))
    return lua_error(L);
  lua_pushcfunction(L, now);
  lua_pushnumber(L, seconds());
  lab_lua_task_spawn(vm, L, 2, 0, &stress_ended_kind);
  return 0;
}

typedef struct message {
  lab_post post;
  lab_vm *vm;
} message;

static void deliver(lab_post *post) {
  lab_vm *vm = LAB_CONTAINER(post, message, post)->vm;
  lua_pushcfunction(vm->L, start);
  if (lua_pcall(vm->L, 0, 0, 0) != LUA_OK) {
    snprintf(failure, sizeof failure, "%s", lua_tostring(vm->L, -1));
    atomic_store(&ended, 1);
  }
}

static void nap(void) {
  struct timespec t = {0, 20 * 1000 * 1000};
  nanosleep(&t, NULL);
}

static void test_stress(void **state) {
  (void)state;
  lab_vm *vm;
  lab_err err = {""};
  lab_vm_config config = {.wake = no_wake};
  if (lab_vm_new(&vm, &config, &err))
    fail_msg("%s", err.text);
  lab_cpu_session *session;
  assert_int_equal(lab_cpu_start(&session, 2000, &err), 0);
  message l = {{{NULL}, deliver}, vm};
  lab_sched_post(vm->sched, &l.post);
  uint64_t deadline =
      lab_clock_mono() + (uint64_t)(seconds() * 20 + 60) * LAB_SECOND;
  /* Sampling every allocation makes everything slow: only half of the time. */
  for (unsigned i = 0; !atomic_load(&ended) && lab_clock_mono() < deadline;
       i++) {
    lab_mem_set_rate(i / 25 % 2 ? 1 << 19 : 1);
    nap();
  }
  assert_true(atomic_load(&ended));
  assert_string_equal(failure, "");
  lab_cpu_stop(session);
  lab_buf profile = LAB_BUF_INIT, heap = LAB_BUF_INIT;
  assert_int_equal(lab_cpu_write(session, &profile), 0);
  assert_true(profile.len > 1000);
  lab_cpu_free(session);
  lab_heap_snapshot *now_ = lab_heap_take();
  assert_int_equal(lab_heap_write(now_, NULL, NULL, &heap), 0);
  assert_true(heap.len > 1000);
  lab_heap_snapshot_free(now_);
  lab_buf_free(&profile);
  lab_buf_free(&heap);
  assert_true(lab_vm_free(vm, 5000));
  lab_memstats stats;
  lab_memstats_read(&stats);
  assert_true(stats.num_gc > 0);
  /* Everything Lua took has come back. */
  assert_int_equal(lab_mem_app_bytes(), 0);
}

int main(void) {
  lab_mem_init();
  lab_thread_adopt("test");
  lab_unwind_init();
  lab_cpu_init();
  lab_vm_init_profiles();
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_stress)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
