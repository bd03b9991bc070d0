/* SPDX-License-Identifier: MIT
 * Finds all Lua objects that can be reached from the roots that the caller
 * names. It walks through Lua's own API, in slices.
 *
 *   lab_reach_begin(r, L);                    may raise, as the next three
 *   lab_reach_waits(r, pointer, co);          before the first root
 *   lua_push...; lab_reach_root(r, L);
 *   while (lab_reach_walk(r, L, until)) ...   until then; false at the end
 *   lab_reach_met(r, pointer)
 *   lab_reach_free(r, L);                     in any case, also after an error
 *
 * From an object that was reached, the walk reaches the keys and values of a
 * table, upvalues, user values, metatables, and the slots of a coroutine's
 * stack. Weak references don't count; a value under a weak key counts if its
 * key was reached. A coroutine that waits for an object that was reached is
 * reached, too.
 *
 * Until lab_reach_free no Lua code may run and the collector must be held, so
 * that the objects stay as they are. C code may make and free new objects, as
 * long as none of the old ones refers to them.
 *
 * Memory: 16 bytes for each object, outside Lua, in hash tables that are half
 * full on average. The walk has hash tables of its own because base/table.h
 * would add 16 to 32 bytes for each object, of which there may be many
 * millions, and would move all entries at once when it grows, which takes
 * longer than a slice. The values that are still to be looked at are in a Lua
 * table, because only Lua can keep values.
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

/* A part of the hash table of objects. Each part grows by itself, so no turn
 * takes long. */
typedef struct lab_reach_shard {
  struct lab_reach_object *slots;
  uint32_t count, cap;
} lab_reach_shard;

typedef struct lab_reach {
  lab_reach_shard shards[LAB_REACH_SHARDS];
  lab_buf waiters;       /* struct waiter */
  lab_buf woken;         /* of each object that was reached and that coroutines
                            wait for: the first of them */
  int list, ephemerons;  /* indices of the two tables, during a slice */
  lua_Integer todo;      /* how many values are in the list */
  lua_Integer weak_keys; /* how many tables are among the ephemerons */
  uint64_t met, met_before;
  uint64_t until; /* of this slice; is it over? */
  bool late;
  unsigned parts; /* looked at since the last look at the clock */
} lab_reach;

/* R is all zeros. */
void lab_reach_begin(lab_reach *r, lua_State *L);
/* CO counts as reached when the object at POINTER (lua_topointer) is. */
void lab_reach_waits(lab_reach *r, const void *pointer, lua_State *co);
/* Pops a value, which is a root. */
void lab_reach_root(lab_reach *r, lua_State *L);
/* The object at POINTER counts as reached, but the walk doesn't look inside. */
void lab_reach_skip(lab_reach *r, const void *pointer);
/* Goes on until the time UNTIL (mono ns), or a little longer. Returns whether
 * there is more to do. */
bool lab_reach_walk(lab_reach *r, lua_State *L, uint64_t until);
/* Whether the object at POINTER was reached. */
bool lab_reach_met(const lab_reach *r, const void *pointer);
/* Doesn't raise. */
void lab_reach_free(lab_reach *r, lua_State *L);

#endif
