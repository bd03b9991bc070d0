/* SPDX-License-Identifier: MIT
 * The calls of a stack that are shown: of a deep one the innermost and the
 * outermost ones.
 *
 * Where Lua's structures are laid out as lualayout.h says, this only reads
 * them: so it may be done in a signal handler as well, if Lua isn't changing
 * its list of calls at that moment.
 *
 * Threads: the VM's. */
#ifndef LAB_VM_LEVELS_H
#define LAB_VM_LEVELS_H

#include <lua.h>
#include <stddef.h>

#include "vm/walk.h"

/* A call under way. */
typedef struct lab_level {
  lua_State *L;
  struct CallInfo *call; /* lua_Debug.i_ci; a lab_layout_call */
} lab_level;

typedef struct lab_levels {
  size_t n;        /* of the whole stack */
  size_t left_out; /* of those */
  size_t shown;    /* at most LAB_WALK_DEPTH, with one for those left out */
  lab_level leaves[LAB_WALK_LEAVES];
  lab_level roots[LAB_WALK_ROOTS + 1]; /* level I is at I % COUNT */
} lab_levels;

/* The calls of CHAIN; SKIP ones of the first coroutine don't count. */
void lab_levels_list(lab_levels *s, const lab_resumed *chain, int skip);
/* The one that is shown as number I, innermost first. NULL: this place stands
 * for those that are left out. */
const lab_level *lab_levels_at(const lab_levels *s, size_t i);

#endif
