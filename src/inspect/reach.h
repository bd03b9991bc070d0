/* SPDX-License-Identifier: MIT
 * What can be reached: a walk over Lua's objects from roots that the caller
 * names, through Lua's own API, in slices.
 *
 *   lab_reach_begin(r, L);                    may raise, as the next three
 *   lab_reach_waits(r, pointer, co);          before the first root
 *   lua_push...; lab_reach_root(r, L);
 *   while (lab_reach_walk(r, L, until)) ...   until then; false at the end
 *   lab_reach_met(r, pointer)
 *   lab_reach_free(r, L);                     in any case, also after an error
 *
 * Reached is what is in a table, an upvalue, a user value, a metatable, or a
 * slot of a coroutine's stack of what was reached; weak references don't count,
 * and a value under a weak key counts if the key was reached. And a coroutine
 * is that waits for something that was reached.
 *
 * Nothing may change what there is meanwhile: no Lua code may run between the
 * slices, the collector must stand still. Made and freed may be anything that
 * only new objects refer to.
 *
 * Memory: 16 bytes in a half-full table for each object, outside Lua; what is
 * still to be looked at is in a Lua table, for only Lua can keep values.
 *
 * Threads: the VM's. */
#ifndef LAB_INSPECT_REACH_H
#define LAB_INSPECT_REACH_H

#include <lua.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"

enum { LAB_REACH_SHARDS = 256 };

struct lab_reach_object;

/* A part of the table of objects: each grows by itself, which is quick. */
typedef struct lab_reach_shard {
  struct lab_reach_object *slots;
  uint32_t count, cap;
} lab_reach_shard;

typedef struct lab_reach {
  lab_reach_shard shards[LAB_REACH_SHARDS];
  lab_buf waiters;       /* struct waiter */
  lab_buf woken;         /* the first of those whose object was reached */
  int list, ephemerons;  /* indices of the two tables, during a slice */
  lua_Integer todo;      /* how many values are in the list */
  lua_Integer weak_keys; /* how many tables are among the ephemerons */
  uint64_t met, met_before;
} lab_reach;

/* R is all zeros. */
void lab_reach_begin(lab_reach *r, lua_State *L);
/* CO counts as reached when the object at POINTER (lua_topointer) is. */
void lab_reach_waits(lab_reach *r, const void *pointer, lua_State *co);
/* Pops a value, which is reached. */
void lab_reach_root(lab_reach *r, lua_State *L);
/* As if it had been reached, but nothing is by way of it. */
void lab_reach_skip(lab_reach *r, const void *pointer);
/* Goes on until UNTIL (mono ns) at least. Returns whether there is more. */
bool lab_reach_walk(lab_reach *r, lua_State *L, uint64_t until);
bool lab_reach_met(const lab_reach *r, const void *pointer);
/* Doesn't raise. */
void lab_reach_free(lab_reach *r, lua_State *L);

#endif
