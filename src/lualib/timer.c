/* SPDX-License-Identifier: MIT
 * See timer.h.
 *
 * A timer is a task that sleeps, then calls the function. So it is in profiles,
 * and is taken back with its step, as every task, and "created by" names the
 * task that set it. While it sleeps it has no Lua function of its own, so its
 * stack is the place where it was set. The task's coroutine has the Timer and
 * the function on its stack, which keeps both alive. */
#include "lualib/timer.h"

#include <lauxlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/err.h"
#include "lualib/class.h"
#include "stack/frame.h"
#include "vm/vm.h"
#include "vm/walk.h"

static const char TIMER[] = "lab.Timer";

typedef struct timer {
  lab_lua_task *task; /* NULL when it has ended */
  uint64_t due;       /* mono ns */
  uint64_t period;    /* ns; 0: it calls the function once */
  bool calling;       /* the function runs */
  bool stopped;
} timer;

/* The coroutine's stack: of a task that runs a timer. */
enum { SELF = 1, FUNCTION = 2 };

static void end_timer_task(lab_vm *vm, lab_lua_task *t, int status,
                           int nresults) {
  (void)vm;
  (void)nresults;
  if (status != LUA_OK && !t->base.cancelled)
    lab_lua_log_failure("timer's task", t);
}

static const lab_lua_task_kind timer_kind = {.ended = end_timer_task};

/* ---- the task ------------------------------------------------------------ */

static int wake_timer(lua_State *L, int status, lua_KContext ctx);

static int sleep_until_due(lua_State *L, const timer *t) {
  lab_lua_task *me = lab_lua_check_parkable(L, "sleep");
  uint64_t now = lab_clock_mono();
  uint64_t ns = t->due > now ? t->due - now : 0;
  uint32_t setter = me->base.created_by;
  lab_task_sleep(lab_vm_of(L)->sched, &me->base, ns,
                 setter ? setter : lab_walk(L, 0));
  return lua_yieldk(L, 0, 0, wake_timer);
}

/* A call that is due while the function still runs is left out, as in Go's
 * tickers. */
static void set_next_due(timer *t) {
  uint64_t now = lab_clock_mono();
  t->due += t->period;
  if (t->due < now)
    t->due += (now - t->due) / t->period * t->period;
}

static int finish_timer_call(lua_State *L, int status, lua_KContext ctx) {
  (void)status;
  (void)ctx;
  timer *t = lua_touserdata(L, SELF);
  t->calling = false;
  if (t->period == 0 || t->stopped) {
    lua_settop(L, SELF); /* as the result: its task tells it of its end */
    return 1;
  }
  set_next_due(t);
  return sleep_until_due(L, t);
}

static int wake_timer(lua_State *L, int status, lua_KContext ctx) {
  (void)status;
  (void)ctx;
  lab_lua_check_cancelled(L);
  timer *t = lua_touserdata(L, SELF);
  t->calling = true;
  lua_pushvalue(L, FUNCTION);
  lua_callk(L, 0, 0, 0, finish_timer_call);
  return finish_timer_call(L, LUA_OK, 0);
}

/* The bodies of the tasks. There are two so that each has its name in profiles.
 * They differ, or the compiler would make one function of them. */
static int run_after(lua_State *L) {
  const timer *t = lua_touserdata(L, SELF);
  LAB_ASSERT(t->period == 0);
  return sleep_until_due(L, t);
}

static int run_every(lua_State *L) {
  const timer *t = lua_touserdata(L, SELF);
  LAB_ASSERT(t->period > 0);
  return sleep_until_due(L, t);
}

/* ---- for scripts --------------------------------------------------------- */

/* Argument 1: the seconds, in ns; 2: the function; 3: the name, if any. */
static int set_timer(lua_State *L, uint64_t ns, bool again,
                     lua_CFunction body) {
  luaL_checktype(L, 2, LUA_TFUNCTION);
  lab_vm *vm = lab_vm_of(L);
  lua_settop(L, 3);
  timer *t = lab_lua_new_named(L, 3, sizeof *t, 1);
  memset(t, 0, sizeof *t);
  luaL_setmetatable(L, TIMER);
  t->due = lab_clock_mono() + ns;
  t->period = again ? ns : 0;
  lua_pushcfunction(L, body);
  lua_pushvalue(L, 4);
  lua_pushvalue(L, 2);
  lab_lua_task *task =
      lab_lua_task_spawn(vm, L, 2, lab_vm_generation(vm), &timer_kind);
  task->owner = &t->task;
  t->task = task;
  return 1;
}

/* lab.after(seconds, function, name?) -> Timer */
static int timer_after(lua_State *L) {
  return set_timer(L, lab_lua_check_seconds(L, 1), false, run_after);
}

/* lab.every(seconds, function, name?) -> Timer */
static int timer_every(lua_State *L) {
  uint64_t ns = lab_lua_check_seconds(L, 1);
  if (ns == 0)
    return luaL_error(L, "non-positive interval for lab.every");
  return set_timer(L, ns, true, run_every);
}

/* t:stop() -> whether it stopped a call that was still to come. A call that is
 * under way goes on. */
static int timer_stop(lua_State *L) {
  timer *t = luaL_checkudata(L, 1, TIMER);
  lab_lua_task *task = t->task;
  bool pending = task && !t->stopped && !(t->calling && t->period == 0);
  t->stopped = true;
  if (pending && !t->calling) {
    task->told_by_script = true;
    lab_lua_task_cancel(lab_vm_of(L), task);
  }
  lua_pushboolean(L, pending);
  return 1;
}

static int timer_tostring(lua_State *L) {
  const timer *t = luaL_checkudata(L, 1, TIMER);
  lab_lua_push_title(L, "Timer");
  lua_pushfstring(L, "%s (%s)", lua_tostring(L, -1),
                  t->task && !t->stopped ? "set" : "over");
  return 1;
}

static const luaL_Reg timer_methods[] = {
    {"stop", timer_stop},
    {NULL, NULL},
};

static const luaL_Reg timer_metamethods[] = {
    {"__tostring", timer_tostring},
    {NULL, NULL},
};

static const luaL_Reg functions[] = {
    {"after", timer_after},
    {"every", timer_every},
    {NULL, NULL},
};

void lab_lib_timer(lua_State *L) {
  lab_lua_new_class(L, TIMER, timer_methods, timer_metamethods);
  luaL_setfuncs(L, functions, 0);
  lab_func_c((const void *)run_after, "lab.after", false);
  lab_func_c((const void *)run_every, "lab.every", false);
}
