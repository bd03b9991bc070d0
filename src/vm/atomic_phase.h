/* SPDX-License-Identifier: MIT
 * A way out of the collector's atomic phase, which is one piece of work even
 * where the collector works in steps. In it Lua looks again and again at tables
 * with weak keys, as long as a look has found a value that is in use. One table
 * whose keys are in the way of each other makes that quadratic: with 150,000
 * entries it takes minutes, in which the step could not be left.
 *
 * So a collection whose atomic phase has taken long asks whether it is still
 * wanted. Else it is given up as a whole: nothing was freed yet, all objects
 * become white, as at the beginning of a cycle, and what the phase has taken
 * off a list is put back. There is no state of Lua's in between to which it
 * could go back, since lists of tables are in variables of its functions.
 *
 * luaH_realasize is wrapped at link time (--wrap): Lua calls it once for each
 * table that it looks at.
 *
 * Threads: the VM's. */
#ifndef LAB_VM_ATOMIC_PHASE_H
#define LAB_VM_ATOMIC_PHASE_H

#include <lua.h>
#include <stdbool.h>

/* Calls COLLECT(L, EMERGENCY). Where the atomic phase takes long, UNWANTED is
 * asked each time that a table is looked at. Returns false if it was: then
 * there is no cycle under way, and Lua's collector is in incremental mode,
 * whose parameters are as before. */
bool lab_atomic_phase_guard(void (*collect)(lua_State *L, int emergency),
                            lua_State *L, int emergency,
                            bool (*unwanted)(void));

#endif
