/* SPDX-License-Identifier: MIT
 * See task.h. */
#include "lualib/task.h"

#include <lauxlib.h>
#include <string.h>

#include "base/clock.h"
#include "lualib/class.h"
#include "stack/stack.h"
#include "vm/gc.h"
#include "vm/vm.h"
#include "vm/walk.h"

static const char TASK[] = "lab.Task";
static const void *task_class;

static lab_task_handle *check_task(lua_State *L, int arg) {
  return lab_lua_check_object(L, arg, task_class, TASK);
}

/* A task of the scenario has ended. An error that no task waits for is logged;
 * results that a handle may ask for stay on the coroutine. */
static void end_go_task(lab_vm *vm, lab_lua_task *t, int status, int nresults) {
  (void)vm;
  (void)nresults;
  bool awaited = t->handle && !lab_list_empty(&t->handle->joiners);
  if (status != LUA_OK && !awaited && !t->base.cancelled)
    lab_lua_log_failure("task", t);
}

static const lab_lua_task_kind go_kind = {.ended = end_go_task};

static int task_go(lua_State *L) {
  luaL_checktype(L, 1, LUA_TFUNCTION);
  lab_vm *vm = lab_vm_of(L);
  if (lab_gc_running())
    return luaL_error(L, "a finalizer can't start a task");
  int nargs = lua_gettop(L) - 1;
  lab_task_handle *h = lua_newuserdatauv(L, sizeof *h, 1);
  memset(h, 0, sizeof *h);
  lab_list_init(&h->joiners);
  luaL_setmetatable(L, TASK);
  lua_insert(L, 1);
  lab_lua_task *t =
      lab_lua_task_spawn(vm, L, nargs, lab_vm_generation(vm), &go_kind);
  lua_pushthread(t->co);
  lua_xmove(t->co, L, 1);
  lua_setiuservalue(L, 1, 1);
  h->task = t;
  t->handle = h;
  return 1;
}

static int task_gc(lua_State *L) {
  lab_task_handle *h = check_task(L, 1);
  if (h->task)
    h->task->handle = NULL;
  return 0;
}

/* ok, results... of a task that ended. */
static int push_results(lua_State *L, lab_task_handle *h) {
  if (h->ok && h->nresults == 0) { /* the coroutine may be another task's */
    lua_pushboolean(L, true);
    return 1;
  }
  lua_getiuservalue(L, 1, 1);
  lua_State *co = lua_tothread(L, -1);
  lua_pushboolean(L, h->ok);
  int n = h->nresults, top = lua_gettop(co);
  luaL_checkstack(L, n + 1, "too many results");
  for (int i = top - n + 1; i <= top; i++) {
    lua_pushvalue(co, i);
    lua_xmove(co, L, 1);
  }
  return n + 1;
}

static int finish_join(lua_State *L, int status, lua_KContext ctx) {
  (void)status;
  (void)ctx;
  lab_lua_check_cancelled(L);
  lab_task_handle *h = check_task(L, 1);
  if (!h->task)
    return push_results(L, h);
  luaL_pushfail(L);
  lua_pushliteral(L, "timeout");
  return 2;
}

/* t:join([seconds]). */
static int task_join(lua_State *L) {
  lab_task_handle *h = check_task(L, 1);
  bool limited = !lua_isnoneornil(L, 2);
  uint64_t ns = limited ? lab_lua_check_seconds(L, 2) : 0;
  if (!h->task)
    return push_results(L, h);
  lab_lua_task *me = lab_lua_check_parkable(L, "join");
  if (h->task == me)
    return luaL_error(L, "a task can't join itself");
  lab_sched *sched = lab_vm_of(L)->sched;
  lab_task_park(sched, &me->base, LAB_WAIT_JOIN, lab_walk(L, 0));
  if (limited)
    lab_task_wake_after(sched, &me->base, ns);
  lab_list_push_back(&h->joiners, &me->base.link);
  return lua_yieldk(L, 0, 0, finish_join);
}

static int task_cancel(lua_State *L) {
  lab_task_handle *h = check_task(L, 1);
  if (h->task) {
    h->task->told_by_script = true;
    lab_lua_task_cancel(lab_vm_of(L), h->task);
  }
  return 0;
}

static int task_tostring(lua_State *L) {
  lab_task_handle *h = check_task(L, 1);
  if (h->task)
    lua_pushfstring(L, "Task %I", (LUAI_UACINT)h->task->base.id);
  else
    lua_pushliteral(L, "Task (ended)");
  return 1;
}

static int finish_sleep(lua_State *L, int status, lua_KContext ctx) {
  (void)status;
  (void)ctx;
  lab_lua_check_cancelled(L);
  return 0;
}

static int task_sleep(lua_State *L) {
  uint64_t ns = lab_lua_check_seconds(L, 1);
  lab_lua_task *me = lab_lua_check_parkable(L, "sleep");
  lab_task_sleep(lab_vm_of(L)->sched, &me->base, ns, lab_walk(L, 0));
  return lua_yieldk(L, 0, 0, finish_sleep);
}

static const luaL_Reg task_methods[] = {
    {"join", task_join},
    {"cancel", task_cancel},
    {NULL, NULL},
};

static const luaL_Reg task_metamethods[] = {
    {"__gc", task_gc},
    {"__tostring", task_tostring},
    {NULL, NULL},
};

static const luaL_Reg functions[] = {
    {"go", task_go},
    {"sleep", task_sleep},
    {NULL, NULL},
};

void lab_lib_task(lua_State *L) {
  task_class = lab_lua_new_class(L, TASK, task_methods, task_metamethods);
  luaL_setfuncs(L, functions, 0);
}
