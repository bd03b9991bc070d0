/* SPDX-License-Identifier: MIT
 * lab.now, lab.cpu_time, lab.log, lab.gc, lab.release; and how classes are
 * made. (lab.include belongs to the scenario's folder: see lua/sandbox.lua.) */
#include "script/vm.h"

#include "base/clock.h"
#include "base/log.h"
#include "mem/mem.h"
#include "script/told.h"

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

/* lab.log(format, ...): as string.format; with one argument, as print. */
static int base_log(lua_State *L) {
  if (lua_gettop(L) > 1) {
    lua_getglobal(L, "string");
    lua_getfield(L, -1, "format");
    lua_insert(L, 1);
    lua_pop(L, 1);
    if (lua_pcall(L, lua_gettop(L) - 1, 1, 0) != LUA_OK)
      return luaL_error(L, "lab.log: %s", luaL_tolstring(L, -1, NULL));
  }
  size_t len;
  const char *text = luaL_tolstring(L, 1, &len);
  lab_log_text(text, len);
  if (lab_trace_on())
    lab_trace_log("log", text, len, lab_walk(L, 0));
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

/* A method that the class hasn't got: upvalue 1 is its name, in table 1. */
static int no_method(lua_State *L) {
  enum { METHODS_MAX = 32 };
  const char *known[METHODS_MAX];
  size_t n = 0;
  luaL_checktype(L, 1, LUA_TTABLE);
  if (lua_type(L, 2) != LUA_TSTRING)
    return 0;
  for (lua_pushnil(L); lua_next(L, 1); lua_pop(L, 1))
    if (n < METHODS_MAX)
      known[n++] = lua_tostring(L, -2);
  lua_pushfstring(L, "a %s has no", lua_tostring(L, lua_upvalueindex(1)));
  return lab_lua_unknown(L, lua_tostring(L, -1), lua_tostring(L, 2), known, n);
}

/* The table on top, of methods: a look at any other name raises. */
static void make_strict(lua_State *L, const char *name) {
  lua_createtable(L, 0, 1);
  lua_pushstring(L, name);
  lua_pushcclosure(L, no_method, 1);
  lua_setfield(L, -2, "__index");
  lua_setmetatable(L, -2);
}

void lab_lua_new_class(lua_State *L, const char *name, const luaL_Reg *methods,
                       const luaL_Reg *metamethods) {
  luaL_newmetatable(L, name);
  if (metamethods)
    luaL_setfuncs(L, metamethods, 0);
  lua_newtable(L);
  if (methods) {
    luaL_setfuncs(L, methods, 0);
    lab_walk_register(L, name, false);
  }
  make_strict(L, name);
  lua_setfield(L, -2, "__index");
  lua_pushboolean(L, 0);
  lua_setfield(L, -2, "__metatable");
  lua_pop(L, 1);
}
