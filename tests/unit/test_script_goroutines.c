/* SPDX-License-Identifier: MIT
 * Pictures of tasks that are made for it: where they are (parked, new, ready to
 * run), for how long, who started them; that a picture shows one moment though
 * tasks go on meanwhile; that every request is answered once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "inspect/goroutine_profile.h"
#include "mem/mem.h"
#include "prof/cpu.h"
#include "prof/goroutine.h"
#include "script/script.h"
#include "stack/sources.h"
#include "stack/unwind.h"
#include "vm/vm.h"
#include "vm/walk.h"

static const char source[] =
    "local park, spawn, turn = ...\n"
    "local function waitForValue() park() end\n"
    "local function notYetRun() end\n"
    "local function creator() spawn(waitForValue) spawn(notYetRun) park() end\n"
    "local function spin() while true do turn() end end\n"
    "return { creator = creator, waiter = waitForValue, spin = spin }\n";

static void no_wake(void *arg) {
  (void)arg;
}

/* ---- what the tasks do --------------------------------------------------- */

static void ended(lab_vm *vm, lab_lua_task *t, int status, int nresults) {
  (void)vm;
  (void)t;
  (void)status;
  (void)nresults;
}

static const lab_lua_task_kind ended_kind = {.ended = ended};

/* Since 130 seconds. */
static int park(lua_State *L) {
  lab_vm *vm = lab_vm_of(L);
  lab_task_park(vm->sched, &vm->running->base, LAB_WAIT_RECEIVE,
                lab_walk(L, 0));
  vm->running->base.since -= 130 * LAB_SECOND;
  return lua_yield(L, 0);
}

static int spawn(lua_State *L) {
  lab_lua_task_spawn(lab_vm_of(L), L, 0, 0, &ended_kind);
  return 0;
}

static lab_lua_task *first, *last, *holder;
static atomic_uint rounds;

/* Parks; who holds the token gives it to the next, which is ready then. So
 * after the first round one of them is ready, always. */
static int turn(lua_State *L) {
  lab_vm *vm = lab_vm_of(L);
  lab_lua_task *me = vm->running;
  lab_task_park(vm->sched, &me->base, LAB_WAIT_RECEIVE, lab_walk(L, 0));
  if (me == holder) {
    lab_list *next = me->base.all.next;
    holder = me == last ? first : LAB_CONTAINER(next, lab_lua_task, base.all);
    rounds += me == last;
    lab_task_ready(vm->sched, &holder->base);
  }
  return lua_yield(L, 0);
}

/* ---- the VM -------------------------------------------------------------- */

typedef struct message {
  lab_post post;
  lab_vm *vm;
  void (*act)(lab_vm *vm); /* the table of functions is on top of vm->L */
  atomic_bool done;
} message;

static int act_protected(lua_State *L) {
  message *l = lua_touserdata(L, 1);
  assert_int_equal(luaL_loadbuffer(L, source, sizeof source - 1, "@x"), LUA_OK);
  lua_pushcfunction(L, park);
  lua_pushcfunction(L, spawn);
  lua_pushcfunction(L, turn);
  lua_call(L, 3, 1);
  l->act(l->vm);
  return 0;
}

static void deliver(lab_post *post) {
  message *l = LAB_CONTAINER(post, message, post);
  lua_State *L = l->vm->L;
  lua_pushcfunction(L, act_protected);
  lua_pushlightuserdata(L, l);
  assert_int_equal(lua_pcall(L, 1, 0, 0), LUA_OK);
  atomic_store(&l->done, true);
}

static void nap(void) {
  struct timespec t = {0, 1000 * 1000};
  nanosleep(&t, NULL);
}

static lab_vm *start(void (*act)(lab_vm *vm)) {
  lab_vm *vm;
  lab_err err = {""};
  lab_vm_config config = {.wake = no_wake};
  if (lab_vm_new(&vm, &config, &err))
    fail_msg("%s", err.text);
  message l = {.post = {.deliver = deliver}, .vm = vm, .act = act};
  lab_sched_post(vm->sched, &l.post);
  while (!atomic_load(&l.done))
    nap();
  return vm;
}

static unsigned answers;

static void taken(lab_profile_request *r) {
  (void)r;
  answers++;
}

static lab_goroutines *wait_for(lab_vm *vm, lab_profile_request *r,
                                unsigned n) {
  while (answers < n) {
    nap();
    lab_vm_collect(vm);
  }
  return r->snapshot;
}

static char *text_of(const lab_goroutines *g) {
  lab_buf out = LAB_BUF_INIT;
  lab_goroutine_reader *r = lab_goroutine_reader_new(g);
  lab_goroutine_read(r, &out, SIZE_MAX);
  lab_goroutine_reader_free(r);
  lab_buf_putc(&out, '\0');
  return out.data;
}

/* memmem, as strstr measures the whole rest each time under AddressSanitizer.
 */
static unsigned count(const char *text, const char *what) {
  const char *end = text + strlen(text);
  unsigned n = 0;
  size_t len = strlen(what);
  for (; (text = memmem(text, (size_t)(end - text), what, len)); text += len)
    n++;
  return n;
}

/* ---- tests --------------------------------------------------------------- */

/* A dump with so many tasks. */
static lab_goroutines *take_when_few(lab_vm *vm, size_t tasks) {
  for (;;) {
    lab_profile_request r = {.taken = taken};
    lab_goroutine_profile_take(vm, &r);
    lab_goroutines *g = wait_for(vm, &r, answers + 1);
    if (lab_goroutines_count(g) <= tasks)
      return g;
    lab_goroutines_free(g);
  }
}

static lab_profile_request first_request;

/* After the message one task has its turn, the creator; then comes the survey,
 * which is also only a message. */
static void start_creator(lab_vm *vm) {
  lua_getfield(vm->L, -1, "creator");
  lab_lua_task_spawn(vm, vm->L, 0, 0, &ended_kind);
  lab_goroutine_profile_take(vm, &first_request);
}

static void where_tasks_are(void **state) {
  (void)state;
  answers = 0;
  first_request = (lab_profile_request){.taken = taken};
  lab_vm *vm = start(start_creator);
  lab_goroutines *g = wait_for(vm, &first_request, 1);
  assert_non_null(g);
  assert_int_equal(lab_goroutines_count(g), 3);
  char *text = text_of(g);
  assert_int_equal(count(text, "goroutine 1 [chan receive, 2 minutes]:\n"), 1);
  assert_int_equal(count(text, "goroutine 2 [runnable]:\n"
                               "main.waitForValue(...)\n\t/app/x.lua:2 +0x0\n"
                               "created by main.creator in goroutine 1\n"
                               "\t/app/x.lua:4 +0x0\n\n"),
                   1);
  assert_int_equal(count(text, "goroutine 3 [runnable]:\n"
                               "main.notYetRun(...)\n\t/app/x.lua:3 +0x0\n"),
                   1);
  lab_xfree(text);
  lab_goroutines_free(g);
  g = take_when_few(vm, 2); /* the third ends when it has run */
  text = text_of(g);
  assert_int_equal(count(text, "[chan receive, 2 minutes]:\n"), 2);
  assert_int_equal(count(text, "\nmain.waitForValue(...)\n\t/app/x.lua:2 +0x0"),
                   1);
  lab_xfree(text);
  lab_goroutines_free(g);
  assert_true(lab_vm_free(vm, 5000));
}

enum { RING = 100000 };

static void start_ring(lab_vm *vm) {
  for (unsigned i = 0; i < RING; i++) {
    lua_getfield(vm->L, -1, "spin");
    last = lab_lua_task_spawn(vm, vm->L, 0, 0, &ended_kind);
    first = holder = i ? first : last;
  }
}

static lab_vm *start_the_ring(void) {
  atomic_store(&rounds, 0);
  lab_vm *vm = start(start_ring);
  while (atomic_load(&rounds) == 0)
    nap();
  return vm;
}

/* One of them is ready at any moment, and it is another one each time. */
__attribute__((unused)) static void one_moment(void **state) {
  (void)state;
  lab_vm *vm = start_the_ring();
  answers = 0;
  lab_profile_request r[3] = {
      {.taken = taken}, {.taken = taken}, {.taken = taken}};
  for (int i = 0; i < 3; i++) /* one after the other */
    lab_goroutine_profile_take(vm, &r[i]);
  wait_for(vm, &r[2], 3);
  for (int i = 0; i < 3; i++) {
    lab_goroutines *g = r[i].snapshot;
    assert_non_null(g);
    assert_int_equal(lab_goroutines_count(g), RING);
    char *text = text_of(g);
    assert_int_equal(count(text, " [runnable]:\n"), 1);
    assert_int_equal(count(text, " [chan receive]:\n"), RING - 1);
    lab_xfree(text);
    lab_goroutines_free(g);
  }
  lab_switches_interrupt(vm, NULL);
  assert_true(lab_vm_free(vm, 10000));
}

static void start_waiters(lab_vm *vm) {
  for (unsigned i = 0; i < 10000; i++) {
    lua_getfield(vm->L, -1, "waiter");
    lab_lua_task_spawn(vm, vm->L, 0, 0, &ended_kind);
  }
}

static void every_request_is_answered(void **state) {
  (void)state;
  lab_vm *vm = start(start_waiters);
  answers = 0;
  lab_profile_request gone = {.taken = taken, .withdrawn = true};
  lab_goroutine_profile_take(vm, &gone);
  assert_null(wait_for(vm, &gone, 1));
  lab_profile_request late[4];
  for (int i = 0; i < 4; i++) {
    late[i] = (lab_profile_request){.taken = taken};
    lab_goroutine_profile_take(vm, &late[i]);
  }
  while (!lab_vm_free(vm, 10000))
    ;
  assert_int_equal(answers, 5);
  for (int i = 0; i < 4; i++)
    lab_goroutines_free(late[i].snapshot);
}

int main(void) {
  lab_mem_init();
  lab_thread_adopt("test");
  lab_unwind_init();
  lab_cpu_init();
  lab_vm_init_profiles();
  lab_sources_register("@x", "main", "/app/x.lua", source, sizeof source - 1);
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(where_tasks_are),
#ifndef __SANITIZE_THREAD__ /* 400,000 turns take it minutes */
      cmocka_unit_test(one_moment),
#endif
      cmocka_unit_test(every_request_is_answered),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
