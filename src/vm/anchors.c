/* SPDX-License-Identifier: MIT
 * See anchors.h. */
#include "vm/anchors.h"

#include <lauxlib.h>

#include "vm/vm.h"

static void push_anchors(lua_State *L) {
  lua_rawgeti(L, LUA_REGISTRYINDEX, lab_vm_of(L)->anchored);
}

void lab_anchors_open(lua_State *L) {
  lua_newtable(L);
  lab_vm_of(L)->anchored = luaL_ref(L, LUA_REGISTRYINDEX);
}

void lab_anchor_set(lua_State *L, const void *key) {
  push_anchors(L);
  lua_insert(L, -2);
  lua_rawsetp(L, -2, key);
  lua_pop(L, 1);
}

void lab_anchor_push(lua_State *L, const void *key) {
  push_anchors(L);
  lua_rawgetp(L, -1, key);
  lua_remove(L, -2);
}

void lab_anchor_drop(lab_vm *vm, const void *key) {
  lua_State *L = vm->L;
  push_anchors(L);
  if (lua_rawgetp(L, -1, key) != LUA_TNIL) { /* else there might be no room */
    lua_pushnil(L);
    lua_rawsetp(L, -3, key);
  }
  lua_pop(L, 2);
}

static int count_pairs(lua_State *L, int table) {
  int n = 0;
  for (lua_pushnil(L); lua_next(L, table) != 0; lua_pop(L, 1))
    n++;
  return n;
}

void lab_anchors_compact(lua_State *L) {
  push_anchors(L);
  int old = lua_gettop(L);
  lua_createtable(L, 0, count_pairs(L, old)); /* nothing below raises */
  int fresh = old + 1;
  lua_pushnil(L);
  while (lua_next(L, old) != 0) {
    lua_pushvalue(L, -2);
    lua_insert(L, -2);
    lua_rawset(L, fresh);
  }
  lua_rawseti(L, LUA_REGISTRYINDEX, lab_vm_of(L)->anchored);
  lua_pop(L, 1);
}
