/* SPDX-License-Identifier: MIT
 * Where Lua resumes a coroutine, and where it leaves functions by an error:
 * lua_resume and luaD_throw are wrapped at link time (--wrap). So the chain of
 * running coroutines is known (walk.h), also where Lua's own library resumes
 * one. And samples that are pending get the stack of the function that raises,
 * not that of the pcall which catches the error: in between there is no
 * instruction, and no hook.
 *
 * Threads: any that runs Lua. */
#include <lua.h>
#include <stdatomic.h>

#include "vm/lualayout.h"
#include "vm/sampler.h"
#include "vm/vm.h"
#include "vm/walk.h"

int __real_lua_resume(lua_State *L, lua_State *from, int nargs, int *nresults);
int __wrap_lua_resume(lua_State *L, lua_State *from, int nargs, int *nresults);

int __wrap_lua_resume(lua_State *L, lua_State *from, int nargs, int *nresults) {
  lab_resumed here = {L, lab_resumed_top};
  atomic_signal_fence(memory_order_seq_cst);
  lab_resumed_top = &here;
  int status = __real_lua_resume(L, from, nargs, nresults);
  /* First the outer coroutine becomes the current one, so that no later sample
   * is pending for L. Then the samples that are pending for L are emitted. */
  lab_resumed_top = here.outer;
  atomic_signal_fence(memory_order_seq_cst);
  lab_sampler_left(&here);
  return status;
}

_Noreturn void __real_luaD_throw(lua_State *L, int status);
_Noreturn void __wrap_luaD_throw(lua_State *L, int status);

/* Lua's stack may be full, and memory out. So this is only done where a walk
 * pushes nothing. A state that isn't complete yet has no coroutine. */
void __wrap_luaD_throw(lua_State *L, int status) {
  if (lab_resumed_top && lab_vm_of(L) && lab_layout_fits())
    lab_sampler_settle(L);
  __real_luaD_throw(L, status);
}
