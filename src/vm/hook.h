/* SPDX-License-Identifier: MIT
 * Lua's one debug hook, which two share: the sampler, which then takes the
 * stack of samples that are pending, and preemption, which then ends a time
 * slice or a cancelled task.
 *
 * lua_sethook may be called in a signal handler. The hook runs at the next
 * instruction of Lua, at the next call, or when the C function that runs now
 * returns; it disarms itself first. lua_newthread copies an armed hook, so it
 * may run with nothing to do.
 *
 * Threads: the VM's. */
#ifndef LAB_VM_HOOK_H
#define LAB_VM_HOOK_H

#include <lua.h>
#include <stdbool.h>
#include <stdint.h>

/* Who is called when the hook runs, in this order. NULL: nobody. CALLED: the
 * hook runs at a call, so level 0 is the function that is about to run, and the
 * one that was interrupted is its caller. The second may raise, or yield. */
void lab_hook_set_sampler(void (*settle)(lua_State *L, bool called));
void lab_hook_set_preempt(void (*act)(lua_State *L, lua_Debug *ar));

/* Has the hook run at L's next instruction, call or return. Costs O(call
 * depth) of L; returns the time it took, in ns, or 0 if it was armed.
 * Async-signal-safe. L must not be running on another thread. */
uint64_t lab_hook_arm(lua_State *L);
/* Has it run after N more instructions. Only inside the hook. */
void lab_hook_arm_count(lua_State *L, int n);
/* L was left, so the hook has nothing more to do there. */
void lab_hook_disarm(lua_State *L);

#endif
