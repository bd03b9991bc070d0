/* SPDX-License-Identifier: MIT
 * Where Lua resumes a coroutine: lua_resume is wrapped at link time (--wrap),
 * so the chain of running coroutines is known (walk.h), also where Lua's own
 * library resumes one.
 *
 * Threads: any that runs Lua. */
#include <lua.h>
#include <stdatomic.h>

#include "vm/sampler.h"
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
