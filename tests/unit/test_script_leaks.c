/* SPDX-License-Identifier: MIT
 * The goroutineleak profile where scenarios can't go: coroutines of their own;
 * memory that ends within the walk; several questions at once; and the end of
 * the VM. (What tasks wait for: tests/integration/test_goroutineleak.lua.) */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>
#include <time.h>

#include "lualib/channel.h"
#include "lualib/task.h"
#include "mem/mem.h"
#include "prof/cpu.h"
#include "prof/goroutine.h"
#include "prof/registry.h"
#include "script/script.h"
#include "stack/unwind.h"
#include "vm/vm.h"

static const char source[] =
    "local lab, n = ...\n"
    "local function wait(c) c:recv() end\n"
    "local function suspended(f, ...)\n"
    "  local co = coroutine.create(f)\n"
    "  coroutine.resume(co, ...)\n"
    "  return co\n"
    "end\n"
    "kept = {}\n"
    "function coroutines()\n"
    "  local c, d, e, f = lab.channel(), lab.channel(), lab.channel(),\n"
    "    lab.channel()\n"
    "  local function yields(x) coroutine.yield() return x end\n"
    "  kept[1] = suspended(yields, c)\n"
    "  kept[2] = coroutine.create(function() return d end)\n" /* not begun */
    "  suspended(yields, e)\n"                                /* dropped */
    "  kept[3] = suspended(function(x)\n" /* another one inside */
    "    local inner = coroutine.wrap(yields)\n"
    "    inner(x)\n"
    "    x = nil\n"
    "    coroutine.yield()\n"
    "    return inner\n"
    "  end, f)\n"
    "  for _, one in ipairs { c, d, e, e, f } do lab.go(wait, one) end\n"
    "end\n"
    "function wide()\n"
    "  for i = 1, 100000 do kept[i] = {} end\n"
    "  lab.go(wait, lab.channel())\n"
    "end\n";

static const lab_profile_kind *kind;
static unsigned answers;

static void no_wake(void *arg) {
  (void)arg;
}

static void nap(void) {
  struct timespec t = {0, 1000 * 1000};
  nanosleep(&t, NULL);
}

/* ---- on the VM's thread -------------------------------------------------- */

typedef struct message {
  lab_post post;
  lab_vm *vm;
  void (*act)(lab_vm *vm);
  atomic_bool done;
} message;

static int act_protected(lua_State *L) {
  message *l = lua_touserdata(L, 1);
  lua_settop(L, 0);
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

static void send(lab_vm *vm, void (*act)(lab_vm *vm)) {
  message l = {.post = {.deliver = deliver}, .vm = vm, .act = act};
  lab_sched_post(vm->sched, &l.post);
  while (!atomic_load(&l.done))
    nap();
}

static void load(lab_vm *vm) {
  lua_State *L = vm->L;
  assert_int_equal(luaL_loadbuffer(L, source, sizeof source - 1, "@x"), LUA_OK);
  lua_newtable(L);
  lab_lib_task(L);
  lab_lib_channel(L);
  lua_call(L, 1, 0);
}

static void ended(lab_vm *vm, lab_lua_task *t, int status, int nresults) {
  (void)vm;
  (void)nresults;
  if (status != LUA_OK)
    fail_msg("%s", lua_tostring(t->co, -1));
}

static const lab_lua_task_kind ended_kind = {.ended = ended};

static void run(lab_vm *vm, const char *name) {
  lua_getglobal(vm->L, name);
  lab_lua_task_spawn(vm, vm->L, 0, 0, &ended_kind);
}

static void run_coroutines(lab_vm *vm) {
  run(vm, "coroutines");
}

static void run_wide(lab_vm *vm) {
  run(vm, "wide");
}

static bool all_wait(lab_vm *vm) {
  size_t n = lab_sched_count(vm->sched);
  return n > 0 && lab_sched_waiting(vm->sched) == n;
}

static lab_vm *start(void (*act)(lab_vm *vm)) {
  lab_vm *vm;
  lab_err err = {""};
  lab_vm_config config = {.wake = no_wake};
  if (lab_vm_new(&vm, &config, &err))
    fail_msg("%s", err.text);
  send(vm, load);
  send(vm, act);
  while (!all_wait(vm))
    nap();
  return vm;
}

/* ---- questions ----------------------------------------------------------- */

static void taken(lab_profile_request *r) {
  (void)r;
  answers++;
}

static void wait_for(lab_vm *vm, unsigned n) {
  while (answers < n) {
    nap();
    lab_vm_collect(vm);
  }
}

static lab_profile_request ask(lab_vm *vm) {
  lab_profile_request r = {.taken = taken};
  answers = 0;
  kind->request(&r);
  wait_for(vm, 1);
  return r;
}

static size_t leaked(lab_vm *vm) {
  lab_profile_request r = ask(vm);
  assert_non_null(r.snapshot);
  size_t n = lab_goroutines_count(r.snapshot);
  assert_int_equal(kind->count(kind), n);
  kind->free(r.snapshot);
  return n;
}

/* ---- tests --------------------------------------------------------------- */

static void coroutines_of_scripts(void **state) {
  (void)state;
  lab_vm *vm = start(run_coroutines);
  assert_int_equal(leaked(vm), 2);
  assert_int_equal(leaked(vm), 2);
  assert_true(lab_vm_free(vm, 5000));
}

static lua_Alloc original;
static void *original_ud;

static void *no_large_blocks(void *ud, void *p, size_t old, size_t size) {
  return size < 1 << 19 ? original(ud, p, old, size) : NULL;
}

static void end_memory(lab_vm *vm) {
  original = lua_getallocf(vm->L, &original_ud);
  lua_setallocf(vm->L, no_large_blocks, original_ud);
}

static void give_memory(lab_vm *vm) {
  lua_setallocf(vm->L, original, original_ud);
}

/* The answer says why there is no profile, and all goes on as before. */
static void memory_ends(void **state) {
  (void)state;
  lab_vm *vm = start(run_wide);
  assert_int_equal(leaked(vm), 1);
  send(vm, end_memory);
  lab_profile_request r = ask(vm);
  assert_null(r.snapshot);
  assert_false(r.again);
  assert_string_equal(r.why, "no profile of leaks: not enough memory");
  send(vm, give_memory);
  assert_int_equal(leaked(vm), 1);
  assert_true(lab_vm_free(vm, 5000));
}

static void several_at_once(void **state) {
  (void)state;
  enum { N = 5 };
  lab_vm *vm = start(run_wide);
  lab_profile_request r[N];
  answers = 0;
  for (int i = 0; i < N; i++) {
    r[i] = (lab_profile_request){.taken = taken, .withdrawn = i == 1};
    kind->request(&r[i]);
  }
  wait_for(vm, N);
  for (int i = 0; i < N; i++) {
    assert_int_equal(r[i].snapshot != NULL, i != 1);
    assert_string_equal(r[i].why, "");
    kind->free(r[i].snapshot);
  }
  assert_true(lab_vm_free(vm, 5000));
}

static void end_of_the_vm(void **state) {
  (void)state;
  lab_vm *vm = start(run_wide);
  lab_profile_request r[3];
  answers = 0;
  for (int i = 0; i < 3; i++) {
    r[i] = (lab_profile_request){.taken = taken};
    kind->request(&r[i]);
  }
  assert_true(lab_vm_free(vm, 5000));
  assert_int_equal(answers, 3);
  for (int i = 0; i < 3; i++) {
    assert_false(r[i].again);
    kind->free(r[i].snapshot);
  }
}

int main(void) {
  lab_mem_init();
  lab_thread_adopt("test");
  lab_unwind_init();
  lab_cpu_init();
  lab_vm_init_profiles();
  kind = lab_registry_find("goroutineleak");
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(coroutines_of_scripts),
      cmocka_unit_test(memory_ends),
      cmocka_unit_test(several_at_once),
      cmocka_unit_test(end_of_the_vm),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
