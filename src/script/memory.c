/* SPDX-License-Identifier: MIT
 * What a scenario is told when its memory is out: where, and how much it has.
 *
 * Lua's own error is a string made beforehand, "not enough memory", that knows
 * no place, and no handler of xpcall hears of it. So the place is noted where
 * the memory is refused, in the allocator; whoever meets that error afterwards
 * (the end of a task, of `enter`) puts the two together. */
#include "script/told.h"

#include <stdio.h>
#include <string.h>

#include "mem/mem.h"

/* The innermost Lua function of L, or nothing. Reads only: see walk.c. */
static void find_place(lua_State *L, char *out, size_t size) {
  lua_Debug ar;
  out[0] = '\0';
  for (int level = 0; out[0] == '\0' && lua_getstack(L, level, &ar); level++) {
    lua_getinfo(L, "Sl", &ar);
    if (ar.currentline > 0)
      snprintf(out, size, "%s:%d: ", ar.short_src, ar.currentline);
  }
}

void lab_memory_refused(void) {
  const lab_resumed *top = lab_resumed_top;
  lab_vm *vm = top ? lab_vm_of(top->L) : NULL;
  if (!vm)
    return;
  vm->refused_at[0] = '\0';
  if (!lab_walk_is_unsafe())
    find_place(top->L, vm->refused_at, sizeof vm->refused_at);
}

/* BYTES as an instructor writes them if that is exact, else to a tenth. */
static void write_size(size_t bytes, char *out, size_t size) {
  static const struct {
    size_t unit;
    const char *name;
  } units[] = {
      {1u << 30, "GiB"}, {1000000000, "GB"}, {1u << 20, "MiB"},
      {1000000, "MB"},   {1u << 10, "KiB"},  {1000, "KB"},
  };
  for (size_t i = 0; i < sizeof units / sizeof *units; i++)
    if (bytes > 0 && bytes % units[i].unit == 0) {
      snprintf(out, size, "%zu %s", bytes / units[i].unit, units[i].name);
      return;
    }
  snprintf(out, size, "%.1f MiB", (double)bytes / (1 << 20));
}

void lab_memory_limit_text(const lab_vm *vm, char *out, size_t size) {
  char bytes[32];
  write_size(vm->limit, bytes, sizeof bytes);
  snprintf(out, size,
           vm->own_limit ? "the step has %s (limits.memory)"
                         : "the step has %s, half of the machine's",
           bytes);
}

void lab_memory_error_text(lab_vm *vm, lua_State *failed, char *out,
                           size_t size) {
  char limit[96];
  lab_memory_limit_text(vm, limit, sizeof limit);
  if (failed && vm->refused_at[0] == '\0') /* where its stack had to grow */
    find_place(failed, vm->refused_at, sizeof vm->refused_at);
  snprintf(out, size, "%s" LAB_LUA_NO_MEMORY ": %s", vm->refused_at, limit);
}

int lab_memory_failure(lua_State *L) {
  char limit[96];
  lab_memory_limit_text(lab_vm_of(L), limit, sizeof limit);
  luaL_pushfail(L);
  lua_pushfstring(L, LAB_LUA_NO_MEMORY ": %s", limit);
  return 2;
}

/* host.explain(problem): an error as it is told, with the place of one that has
 * none. There must be room for that: host.limit is to follow. */
int lab_host_explain(lua_State *L) {
  const char *problem = lua_tostring(L, 1);
  if (problem && strcmp(problem, LAB_LUA_NO_MEMORY) == 0) {
    char text[LAB_MEMORY_TEXT];
    lab_mem_set_limit(0);
    lab_memory_error_text(lab_vm_of(L), NULL, text, sizeof text);
    lua_pushstring(L, text);
  }
  return 1;
}
