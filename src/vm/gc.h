/* SPDX-License-Identifier: MIT
 * Lua's collector, driven so that cycles and pauses are known (MemStats,
 * traces) and so that memory outside Lua counts towards when it runs.
 *
 * Threads: the VM's. */
#ifndef LAB_VM_GC_H
#define LAB_VM_GC_H

#include <lua.h>
#include <stdbool.h>
#include <stdint.h>

/* The next full collection begins when so much was allocated since the last
 * one, in percent of what was live then. In each of the two modes, and of
 * memory outside Lua: as with Go's GOGC. */
enum { LAB_GC_PERCENT = 100 };

/* L is the VM's state from now on. Detach: before lua_close. */
void lab_gc_attach(lua_State *L);
void lab_gc_detach(void);
/* The memory outside Lua that a Lua object keeps has changed by DELTA bytes. It
 * counts for when the collector runs, and may start a full collection now. */
void lab_gc_external(lua_State *L, int64_t delta);
/* A full collection, counted as forced. False: it was not done, or not all of
 * it. Where the collector works in steps it may end early
 * (lab_gc_set_unwanted). */
bool lab_gc_full(lua_State *L);
/* Memory outside Lua was refused. Collects all garbage, and finalizes it, but
 * not again and again in vain. True: there is more now, so try again. */
bool lab_gc_make_room(lua_State *L);
/* Before Lua is refused memory, EMPTY is called with all userdata of METATABLE
 * that nobody can reach: it gives memory back, allocates nothing, and may be
 * called more than once, and before the finalizer. For one class. */
void lab_gc_empty_in_emergency(const void *metatable,
                               void (*empty)(void *memory));
/* Whether the heap is so large that the collector works in steps: a full
 * collection takes a second or more. Some: makes steps for 2 ms, unless a cycle
 * ends. True: one has ended, or was given up (lab_gc_set_unwanted), or the
 * collector doesn't work in steps. */
bool lab_gc_is_in_steps(void);
bool lab_gc_some(lua_State *L);
/* Between two steps of a full collection UNWANTED is asked whether it is to
 * end, because the code that runs now is to be left. STUCK: a collection has
 * come to where it may take minutes, and memory isn't out: so it may end for
 * other reasons, too, but not always, or memory would never be given back.
 * NULL: never. */
void lab_gc_set_unwanted(bool (*unwanted)(bool stuck));
/* While the collector is held nothing is collected, unless memory runs out. */
void lab_gc_hold(bool held);

#endif
