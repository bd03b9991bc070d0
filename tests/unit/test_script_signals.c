/* SPDX-License-Identifier: MIT
 * Signals for child processes: what process:kill has the control thread send,
 * which is this thread. It looks only when the script has ended. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "lualib/process.h"
#include "mem/mem.h"
#include "prof/cpu.h"
#include "script/script.h"
#include "stack/unwind.h"
#include "vm/vm.h"

/* The calls of p:kill, and what is sent then. */
static const struct {
  const char *calls;
  int sent[10]; /* 0: no more */
} cases[] = {
    {"p:kill()", {SIGKILL}},
    {"p:kill 'USR1' p:kill 'TERM' p:kill 'USR2'", {SIGUSR1, SIGTERM, SIGUSR2}},
    {"for _ = 1, 100000 do p:kill 'CONT' end", {SIGCONT}},
    {"for _ = 1, 9 do p:kill 'STOP' p:kill 'CONT' end", {SIGSTOP, SIGCONT}},
    {"p:kill 'STOP' p:kill 'CONT' p:kill 'STOP'", {SIGCONT, SIGSTOP}},
    {"p:kill 'HUP' p:kill 'INT' p:kill 'QUIT' p:kill 'HUP'",
     {SIGINT, SIGQUIT, SIGHUP}},
    {"for _ = 1, 3 do\n"
     "  for _, s in ipairs { 'KILL', 'TERM', 'INT', 'HUP', 'QUIT', 'STOP',\n"
     "                       'CONT', 'USR1', 'USR2' } do p:kill(s) end\n"
     "end",
     {SIGKILL, SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGSTOP, SIGCONT, SIGUSR1,
      SIGUSR2}},
};

static void no_wake(void *arg) {
  (void)arg;
}

/* ---- the service --------------------------------------------------------- */

static int sent[100];
static size_t nsent;

static void spawn(lab_errand *e) {
  lab_errand_tell(e, 0);
}

static void stop_child(lab_errand *e) {
  (void)e;
}

static void note_kill(lab_child *child, int signal) {
  (void)child;
  if (nsent < sizeof sent / sizeof *sent)
    sent[nsent] = signal;
  nsent++;
}

/* ---- a task -------------------------------------------------------------- */

static atomic_bool calls_ended;
static char message[512]; /* of its error, or "" */

static void note_end(lab_vm *vm, lab_lua_task *t, int status, int nresults) {
  (void)vm;
  (void)nresults;
  if (status != LUA_OK)
    snprintf(message, sizeof message, "%s", lua_tostring(t->co, -1));
  atomic_store(&calls_ended, true);
}

static int note_calls(lua_State *L) {
  (void)L;
  atomic_store(&calls_ended, true);
  return 0;
}

typedef struct start_call {
  lab_post post;
  lab_vm *vm;
  const char *calls;
} start_call;

/* The task ends by itself once the calls are noted; so does its process. */
static int start_protected(lua_State *L) {
  static const lab_lua_task_kind kind = {.ended = note_end};
  const start_call *c = lua_touserdata(L, 1);
  lua_settop(L, 0);
  lua_newtable(L);
  lab_lib_process(L);
  lua_setglobal(L, "lab");
  lua_pushcfunction(L, note_calls);
  lua_setglobal(L, "note_calls");
  lua_pushfstring(L, "local p = lab.spawn { 'a' } %s note_calls()", c->calls);
  if (luaL_loadstring(L, lua_tostring(L, -1)) != LUA_OK)
    return lua_error(L);
  lua_remove(L, 1);
  lab_lua_task_spawn(c->vm, L, 0, 1, &kind);
  return 0;
}

static void deliver(lab_post *post) {
  start_call *c = LAB_CONTAINER(post, start_call, post);
  lua_State *L = c->vm->L;
  lua_pushcfunction(L, start_protected);
  lua_pushlightuserdata(L, c);
  if (lua_pcall(L, 1, 0, 0) != LUA_OK) {
    snprintf(message, sizeof message, "%s", lua_tostring(L, -1));
    lua_pop(L, 1);
    atomic_store(&calls_ended, true);
  }
}

static void nap(void) {
  struct timespec t = {0, 1000 * 1000};
  nanosleep(&t, NULL);
}

/* A VM in which the calls were made, while this thread has done what was
 * ordered before them only. */
static lab_vm *make_calls(const char *calls) {
  static const lab_services services = {
      .spawn = spawn, .stop_child = stop_child, .kill = note_kill};
  static start_call call;
  lab_vm *vm;
  lab_err err = {""};
  lab_vm_config config = {.wake = no_wake, .services = &services};
  nsent = 0;
  message[0] = '\0';
  atomic_store(&calls_ended, false);
  if (lab_vm_new(&vm, &config, &err))
    fail_msg("%s", err.text);
  call = (start_call){{.deliver = deliver}, vm, calls};
  lab_sched_post(vm->sched, &call.post);
  while (lab_sched_waiting_for(vm->sched, LAB_WAIT_NET) == 0)
    nap();
  lab_vm_collect(vm); /* it is spawned */
  while (!atomic_load(&calls_ended))
    nap();
  if (*message)
    fail_msg("%s", message);
  return vm;
}

/* ---- tests --------------------------------------------------------------- */

static void each_signal_is_sent_once(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    lab_vm *vm = make_calls(cases[i].calls);
    lab_vm_collect(vm);
    size_t n = 0;
    while (n < 10 && cases[i].sent[n])
      n++;
    print_message("%zu sent: %s\n", nsent, cases[i].calls);
    assert_int_equal(nsent, n);
    assert_memory_equal(sent, cases[i].sent, n * sizeof *sent);
    assert_true(lab_vm_free(vm, 5000));
  }
}

int main(void) {
  lab_mem_init();
  lab_thread_adopt("test");
  lab_unwind_init();
  lab_cpu_init();
  lab_vm_init_profiles();
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(each_signal_is_sent_once),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
