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

/* L is the VM's state from now on; before lua_close it must be detached. */
void lab_gc_attach(lua_State *L);
void lab_gc_detach(void);
/* Memory outside Lua that a Lua object keeps changed by DELTA bytes: it counts
 * towards when the collector runs. May run a full collection. */
void lab_gc_external(lua_State *L, int64_t delta);
/* The collector is at work: Lua code that runs, and C code that Lua called, is
 * a finalizer's. Also in a signal handler. */
bool lab_gc_running(void);
/* A full collection, counted as forced. */
void lab_gc_full(lua_State *L);
/* While it is held nothing is collected, unless memory ends. */
void lab_gc_hold(bool held);

#endif
