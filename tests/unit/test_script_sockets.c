/* SPDX-License-Identifier: MIT
 * Tasks that wait for sockets, without an event loop: this thread is the
 * control thread. Also where scenarios can't go: a loop that can't watch, and
 * the end of the VM while tasks wait. (What sockets do:
 * tests/integration/test_tcp.lua.) */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "lualib/task.h"
#include "lualib/tcp.h"
#include "mem/mem.h"
#include "prof/cpu.h"
#include "resources/fds.h"
#include "resources/watch.h"
#include "script/script.h"
#include "stack/unwind.h"
#include "vm/vm.h"

static const char source[] =
    "local lab = ...\n"
    "local function pair()\n"
    "  local l = assert(lab.tcp.listen(':0'))\n"
    "  local near = assert(lab.tcp.connect(l:address()))\n"
    "  return near, assert(l:accept()), l\n"
    "end\n"
    "function echo()\n"
    "  local near, far, l = pair()\n"
    "  local server = lab.go(function() far:write(far:read(10)) end)\n"
    "  assert(near:write('hello') == 5)\n"
    "  assert(near:read(10) == 'hello')\n"
    "  assert(server:join())\n"
    "  local waiting = lab.go(near.read, near, 10)\n"
    "  assert(select(2, near:read(10, 0)):find('i/o timeout'))\n"
    "  waiting:cancel()\n"
    "  far:write('more')\n"
    "  assert(near:read(10) == 'more')\n"
    "  assert(near:close() and far:close() and l:close())\n"
    "end\n"
    "function refused()\n"
    "  local l = assert(lab.tcp.listen(':0'))\n"
    "  for _ = 1, 2 do\n"
    "    local s, text, number = l:accept(100)\n"
    "    assert(not s and number == 12, text)\n"
    "    assert(text == 'accept tcp ' .. l:address() ..\n"
    "      ': cannot allocate memory', text)\n"
    "  end\n"
    "  assert(select(3, l:accept(0)) == 110)\n"
    "end\n"
    "function wait()\n"
    "  local near, l\n"
    "  near, far, l = pair()\n" /* a global: it isn't collected */
    "  for i = 1, 2 do\n"
    "    lab.go(near.read, near, 1)\n"
    "    lab.go(near.write, near, ('x'):rep(1 << 24))\n"
    "    lab.go(l.accept, l)\n"
    "  end\n"
    "end\n";

static void no_wake(void *arg) {
  (void)arg;
}

static void nap(void) {
  struct timespec t = {0, 1000 * 1000};
  nanosleep(&t, NULL);
}

/* ---- the service --------------------------------------------------------- */

static lab_bell *bell;  /* that is watched, or NULL */
static int refuse_with; /* negative errno: nothing can be watched */
static unsigned began, ended_bells;

static void watch(lab_errand *e) {
  began++;
  if (refuse_with) {
    LAB_CONTAINER(e, lab_bell, errand)->error = refuse_with;
    lab_errand_tell(e, 0);
    return;
  }
  bell = LAB_CONTAINER(e, lab_bell, errand);
}

static void stop_watch(lab_errand *e) {
  (void)e;
  bell = NULL;
  ended_bells++;
}

/* A round of the control thread's loop. */
static void turn(lab_vm *vm) {
  nap();
  lab_vm_collect(vm);
  if (bell)
    lab_watch_ring(bell);
}

/* ---- tasks --------------------------------------------------------------- */

typedef struct outcome {
  atomic_bool ended;
  char message[512]; /* of its error, or "" */
} outcome;

static outcome first;

static void note_end(lab_vm *vm, lab_lua_task *t, int status, int nresults) {
  (void)vm;
  (void)nresults;
  if (status != LUA_OK)
    snprintf(first.message, sizeof first.message, "%s",
             lua_tostring(t->co, -1));
  atomic_store(&first.ended, true);
}

static const lab_lua_task_kind kind = {.ended = note_end};

typedef struct start_call {
  lab_post post;
  lab_vm *vm;
  const char *function;
} start_call;

static int start_protected(lua_State *L) {
  const start_call *c = lua_touserdata(L, 1);
  lua_settop(L, 0);
  luaL_loadbuffer(L, source, sizeof source - 1, "@x");
  lua_newtable(L);
  lab_lib_task(L);
  lab_lib_tcp(L);
  lua_call(L, 1, 0);
  lua_getglobal(L, c->function);
  lab_lua_task_spawn(c->vm, L, 0, 1, &kind);
  return 0;
}

static void deliver(lab_post *post) {
  start_call *c = LAB_CONTAINER(post, start_call, post);
  lua_State *L = c->vm->L;
  lua_pushcfunction(L, start_protected);
  lua_pushlightuserdata(L, c);
  if (lua_pcall(L, 1, 0, 0) != LUA_OK) {
    snprintf(first.message, sizeof first.message, "%s", lua_tostring(L, -1));
    lua_pop(L, 1);
    atomic_store(&first.ended, true);
  }
}

/* A VM in which FUNCTION was run to its end. */
static lab_vm *run(const char *function) {
  static const lab_services services = {.watch = watch,
                                        .stop_watch = stop_watch};
  static start_call call;
  lab_vm *vm;
  lab_err err = {""};
  lab_vm_config config = {.wake = no_wake, .services = &services};
  first = (outcome){.message = ""};
  bell = NULL;
  began = ended_bells = 0;
  if (lab_vm_new(&vm, &config, &err))
    fail_msg("%s", err.text);
  call = (start_call){{.deliver = deliver}, vm, function};
  lab_sched_post(vm->sched, &call.post);
  while (!atomic_load(&first.ended))
    turn(vm);
  if (*first.message)
    fail_msg("%s", first.message);
  return vm;
}

static unsigned count_descriptors(lab_vm *vm) {
  unsigned count, limit;
  lab_fd_read(vm, &count, &limit);
  return count;
}

/* ---- tests --------------------------------------------------------------- */

static void they_are_woken(void **state) {
  (void)state;
  refuse_with = 0;
  lab_vm *vm = run("echo");
  assert_int_equal(began, 1);
  assert_int_equal(count_descriptors(vm), 0);
  assert_true(lab_vm_free(vm, 5000));
  assert_int_equal(ended_bells, 1);
}

static void the_loop_refuses(void **state) {
  (void)state;
  refuse_with = -ENOMEM;
  lab_vm *vm = run("refused");
  assert_int_equal(began, 1);
  assert_true(lab_vm_free(vm, 5000));
  assert_int_equal(ended_bells, 1);
}

static void end_of_the_vm(void **state) {
  (void)state;
  refuse_with = 0;
  lab_vm *vm = run("wait");
  while (lab_sched_waiting_for(vm->sched, LAB_WAIT_NET) < 6)
    turn(vm);
  assert_int_equal(count_descriptors(vm), 3);
  assert_true(lab_vm_free(vm, 5000));
  assert_int_equal(ended_bells, 1);
}

int main(void) {
  lab_mem_init();
  lab_thread_adopt("test");
  lab_unwind_init();
  lab_cpu_init();
  lab_vm_init_profiles();
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(they_are_woken),
      cmocka_unit_test(the_loop_refuses),
      cmocka_unit_test(end_of_the_vm),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
