/* SPDX-License-Identifier: MIT
 * See task.h. */
#include "lualib/task.h"

#include <lauxlib.h>

#include "base/clock.h"
#include "lualib/class.h"
#include "lualib/limit.h"
#include "stack/stack.h"
#include "vm/vm.h"
#include "vm/walk.h"

static const char TASK[] = "lab.Task";
static const void *task_class;

/* The task of the handle at 1; NULL: it has ended. */
static lab_lua_task *check_task(lua_State *L) {
  lab_lua_check_object(L, 1, task_class, TASK);
  return lab_lua_task_of_handle(L, 1);
}

/* A task of the scenario has ended. An error that no task waits for is logged;
 * results that a handle may ask for stay on the coroutine. */
static void end_go_task(lab_vm *vm, lab_lua_task *t, int status, int nresults) {
  (void)vm;
  (void)nresults;
  if (status != LUA_OK && lab_list_empty(&t->joiners) && !t->base.cancelled)
    lab_lua_log_failure("task", t);
}

static const lab_lua_task_kind go_kind = {.ended = end_go_task, .joined = true};

static int task_go(lua_State *L) {
  luaL_checktype(L, 1, LUA_TFUNCTION);
  lab_vm *vm = lab_vm_of(L);
  int nargs = lua_gettop(L) - 1;
  lab_task_handle *h = lua_newuserdatauv(L, sizeof *h, 1);
  lua_pushvalue(L, lua_upvalueindex(1));
  lua_setmetatable(L, -2);
  lua_insert(L, 1);
  lab_lua_task *t =
      lab_lua_task_spawn(vm, L, nargs, lab_vm_generation(vm), &go_kind);
  lua_pushthread(t->co);
  lua_xmove(t->co, L, 1);
  lua_setiuservalue(L, 1, 1);
  h->id = t->base.id;
  return 1;
}

/* ok, results... of a task that ended: what is left on its coroutine. If that
 * has served another task since, or may, there was no error, and no result. */
static int push_results(lua_State *L) {
  const lab_task_handle *h = lua_touserdata(L, 1);
  lua_getiuservalue(L, 1, 1);
  lua_State *co = lua_tothread(L, -1);
  bool is_left = lab_coroutine_is_left_by(co, h->id);
  bool ok = !is_left || lua_status(co) == LUA_OK;
  lua_pushboolean(L, ok);
  int top = is_left ? lua_gettop(co) : 0, n = ok || top == 0 ? top : 1;
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
  return lab_lua_task_of_handle(L, 1) ? lab_lua_push_timeout(L)
                                      : push_results(L);
}

/* t:join([seconds]). */
static int task_join(lua_State *L) {
  lab_lua_task *t = check_task(L);
  uint64_t limit = lab_lua_has_arg(L, 2, task_class) ? lab_lua_check_limit(L, 2)
                                                     : LAB_LUA_NO_LIMIT;
  if (!t)
    return push_results(L);
  if (limit == 0 && !lab_lua_may_make_way(L))
    return lab_lua_push_timeout(L);
  lab_lua_task *me = lab_lua_check_parkable(L, "join");
  if (t == me)
    return luaL_error(L, "a task can't join itself");
  lab_sched *sched = lab_vm_of(L)->sched;
  lab_task_park(sched, &me->base, LAB_WAIT_JOIN, lab_walk(L, 0));
  lab_lua_limit_wait(L, limit);
  lab_list_push_back(&t->joiners, &me->base.link);
  return lua_yieldk(L, 0, 0, finish_join);
}

/* t:cancel(). The hook isn't armed for the running task: it ends here. */
static int task_cancel(lua_State *L) {
  lab_vm *vm = lab_vm_of(L);
  lab_lua_task *t = check_task(L);
  if (t) {
    t->told_by_script = true;
    lab_lua_task_cancel(vm, t);
  }
  if (t && t == vm->running)
    lab_lua_check_cancelled(L);
  return 0;
}

static int task_tostring(lua_State *L) {
  const lab_lua_task *t = check_task(L);
  if (t)
    lua_pushfstring(L, "Task %I", (LUAI_UACINT)t->base.id);
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
    {"__tostring", task_tostring},
    {NULL, NULL},
};

static const luaL_Reg functions[] = {
    {"sleep", task_sleep},
    {NULL, NULL},
};

void lab_lib_task(lua_State *L) {
  task_class = lab_lua_new_class(L, TASK, task_methods, task_metamethods);
  luaL_setfuncs(L, functions, 0);
  luaL_getmetatable(L, TASK); /* so that task_go needn't look for it */
  lua_pushcclosure(L, task_go, 1);
  lua_setfield(L, -2, "go");
}
