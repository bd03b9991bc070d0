/* SPDX-License-Identifier: MIT
 * Lua has one debug hook. Two files share it: sampler.c takes the stack of
 * pending samples in it, and preempt.c ends a time slice or a cancelled task.
 *
 * lua_sethook may be called in a signal handler. The hook runs at the next Lua
 * instruction, at the next call, or when the C function that runs now returns.
 * It disarms itself first. lua_newthread copies an armed hook, so it may run
 * when there is nothing to do.
 *
 * Threads: the VM's. */
#ifndef LAB_VM_HOOK_H
#define LAB_VM_HOOK_H

#include <lua.h>
#include <stdbool.h>
#include <stdint.h>

/* The functions that the hook calls, the sampler's first; or NULL. EVENT: why
 * the hook runs (lua_Debug.event). At a call level 0 is the function that is
 * about to run. The one that was interrupted is its caller; but at a tail call
 * it is gone, and the caller is who had called it. ACT may raise, or yield. */
void lab_hook_set_sampler(void (*settle)(lua_State *L, int event));
void lab_hook_set_preempt(void (*act)(lua_State *L, lua_Debug *ar));

/* Has the hook run where L next looks for it: at a jump back, a call or a
 * return. Async-signal-safe. L must not be running on another thread. */
void lab_hook_arm(lua_State *L);
/* Has the hook run after N more instructions. Only inside the hook. */
void lab_hook_arm_count(lua_State *L, int n);
/* L was left, so the hook has nothing more to do there. */
void lab_hook_disarm(lua_State *L);

#endif
