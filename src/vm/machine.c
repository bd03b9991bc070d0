/* SPDX-License-Identifier: MIT
 * See machine.h. */
#include "vm/machine.h"

#include <errno.h>
#include <lualib.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "mem/mem.h"
#include "stack/frame.h"
#include "vm/allocation_stack.h"
#include "vm/anchors.h"
#include "vm/finalizers.h"
#include "vm/gc.h"
#include "vm/lualayout.h"
#include "vm/sampler.h"
#include "vm/stringlib.h"
#include "vm/walk.h"

lab_vm *lab_vm_only;

void *lab_vm_alloc(void *ud, void *p, size_t old, size_t size);

static void *change_block(void *p, size_t old, size_t size) {
  return p ? lab_mem_realloc(p, old, size) : lab_mem_alloc(size);
}

/* Lua's allocator. Before it has to refuse memory Lua collects all garbage, but
 * a buffer of lauxlib's (string.rep) asks here itself. For a new object OLD is
 * its type, not a size. Global, so that the heap profiler knows its frame. */
void *lab_vm_alloc(void *ud, void *p, size_t old, size_t size) {
  (void)ud;
  if (size == 0) {
    lab_mem_free(p, old);
    return NULL;
  }
  void *block = change_block(p, old, size);
  if (!block && lab_walk_is_in_buffer() && lab_gc_make_room(lab_resumed_top->L))
    block = change_block(p, old, size);
  if (!block)
    lab_memory_note_refusal();
  return block;
}

static int on_panic(lua_State *L) {
  const char *text = lua_tostring(L, -1);
  lab_log("Lua panic: %s", text ? text : "?");
  lab_log_flush();
  return 0; /* Lua aborts */
}

/* Lua warns in pieces; each line goes to the log as a whole. */
static void on_warning(void *ud, const char *text, int more) {
  static char line[512];
  static size_t len;
  (void)ud;
  int n = snprintf(line + len, sizeof line - len, "%s", text);
  len += n > 0 ? (size_t)n : 0;
  if (len >= sizeof line)
    len = sizeof line - 1;
  if (!more) {
    lab_log_step("Lua warning: %s", line);
    len = 0;
  }
}

/* The function that the function on top of the stack, which is popped, returns
 * for an empty text and LAX has NAME, too. */
static void register_iterator(lua_State *L, const char *name, bool lax) {
  lua_pushliteral(L, "");
  lua_pushboolean(L, lax);
  lua_call(L, 2, 1);
  lab_func_c((const void *)lua_tocfunction(L, -1), name, false);
  lua_pop(L, 1);
}

static void register_libraries(lua_State *L) {
  static const char *const names[] = {"string",    "table", "math",
                                      "coroutine", "utf8",  NULL};
  lua_pushglobaltable(L);
  lab_walk_register(L, "", false);
  lua_pop(L, 1);
  for (int i = 0; names[i]; i++) {
    lua_getglobal(L, names[i]);
    lab_walk_register(L, names[i], false);
    lua_pop(L, 1);
  }
  lua_getglobal(L, "ipairs");
  register_iterator(L, "ipairs", false);
  lua_getglobal(L, "utf8");
  for (int lax = 0; lax <= 1; lax++) { /* each has one of its own */
    lua_getfield(L, -1, "codes");
    register_iterator(L, "utf8.codes", lax);
  }
  lua_pop(L, 1);
}

/* Everything that may raise, protected. Argument 1: what the caller opens. */
static int open_libraries(lua_State *L) {
  const lua_CFunction *open = lua_touserdata(L, 1);
  lab_gc_attach(L);
  lua_gc(L, LUA_GCGEN, 0, LAB_GC_PERCENT);
  luaL_openlibs(L);
  lab_stringlib_open(L);
  lab_finalizers_open(L);
  register_libraries(L);
  lab_layout_check(L, &lab_lua_layout);
  if (!lab_layout_fits())
    lab_log("this Lua (%s) has stacks of an unknown layout: tasks start more "
            "slowly, and there is no goroutineleak profile",
            LUA_RELEASE);
  lab_anchors_open(L);
  lab_coroutine_open(L);
  lua_pushcfunction(L, *open);
  lua_call(L, 0, 0);
  return 0;
}

int lab_machine_open(lab_vm *vm, lua_CFunction open, lab_err *err) {
  vm->L = lua_newstate(lab_vm_alloc, NULL);
  if (!vm->L)
    return lab_err_set(err, -ENOMEM, "no memory for the Lua VM");
  *(lab_vm **)lua_getextraspace(vm->L) = vm;
  lab_vm_only = vm;
  lab_memory_set_limit(vm, 0, 0); /* also what is read for the first step */
  lua_atpanic(vm->L, on_panic);
  lua_setwarnf(vm->L, on_warning, NULL);
  lua_pushcfunction(vm->L, open_libraries);
  lua_pushlightuserdata(vm->L, &open);
  if (lua_pcall(vm->L, 1, 0, 0) == LUA_OK)
    return 0;
  lab_err_set(err, -EINVAL, "%s", lua_tostring(vm->L, -1));
  lab_machine_close(vm);
  return -EINVAL;
}

void lab_machine_close(lab_vm *vm) {
  lab_gc_detach();
  lab_finalizers_close(vm);
  lua_close(vm->L);
  vm->L = NULL;
  lab_vm_only = NULL;
}

void lab_machine_attach(lab_vm *vm) {
  lab_sampler_attach();
  int rc = lab_preempt_attach(vm);
  if (rc)
    lab_log("no time slices: %s", strerror(-rc));
}

void lab_machine_detach(void) {
  lab_preempt_detach();
  lab_sampler_detach();
}
