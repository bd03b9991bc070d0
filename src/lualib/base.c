/* SPDX-License-Identifier: MIT
 * See base.h. */
#include "lualib/base.h"

#include <lauxlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "mem/mem.h"
#include "trace/flight.h"
#include "trace/trace.h"
#include "vm/gc.h"
#include "vm/vm.h"
#include "vm/walk.h"

/* Seconds on the monotonic clock. */
static int base_now(lua_State *L) {
  lua_pushnumber(L, (lua_Number)lab_clock_mono() / 1e9);
  return 1;
}

/* CPU seconds of the VM's thread so far. */
static int base_cpu_time(lua_State *L) {
  lua_pushnumber(L, (lua_Number)lab_clock_thread_cpu() / 1e9);
  return 1;
}

/* A mistake in the format. That memory is out, or the task was cancelled, is
 * told as everywhere else. */
static int raise_log_error(lua_State *L, int status) {
  if (status == LUA_ERRMEM)
    return lua_error(L);
  lab_lua_check_cancelled(L);
  return luaL_error(L, "lab.log: %s", luaL_tolstring(L, -1, NULL));
}

/* lab.log(format, ...): as string.format; with one argument, as print. */
static int base_log(lua_State *L) {
  if (lua_gettop(L) > 1) {
    lua_getglobal(L, "string");
    lua_getfield(L, -1, "format");
    lua_insert(L, 1);
    lua_pop(L, 1);
    int status = lua_pcall(L, lua_gettop(L) - 1, 1, 0);
    if (status != LUA_OK)
      return raise_log_error(L, status);
  }
  size_t len;
  const char *text = luaL_tolstring(L, 1, &len);
  lab_log_step_text(text, len);
  const lab_lua_task *me = lab_vm_of(L)->running;
  uint64_t task = me ? me->base.user_task : 0;
  lab_sched_look_ahead(lab_vm_of(L)->sched); /* a trace may begin */
  if (lab_trace_on())
    lab_trace_log(task, "log", text, len, lab_walk(L, 0));
  if (lab_flight_on())
    lab_flight_log(task, text, len, lab_walk(L, 0), lab_clock_mono());
  return 0;
}

static int base_gc(lua_State *L) {
  lab_gc_full(L);
  return 0;
}

/* Bytes given back to the system. */
static int base_release(lua_State *L) {
  lab_gc_full(L);
  lua_pushinteger(L, (lua_Integer)lab_mem_release());
  return 1;
}

static const luaL_Reg functions[] = {
    {"now", base_now}, {"cpu_time", base_cpu_time}, {"log", base_log},
    {"gc", base_gc},   {"release", base_release},   {NULL, NULL},
};

void lab_lib_base(lua_State *L) {
  luaL_setfuncs(L, functions, 0);
}
