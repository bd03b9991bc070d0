/* SPDX-License-Identifier: MIT
 * The arguments of lab.spawn, and the child that they describe.
 *
 * Threads: the VM's, unless it says otherwise. */
#ifndef LAB_LUALIB_SPAWN_H
#define LAB_LUALIB_SPAWN_H

#include <lua.h>
#include <stdbool.h>
#include <stddef.h>

#include "resources/errand.h"

/* What was asked for. Strings are on Lua's stack. */
typedef struct lab_lua_wishes {
  int words;         /* of the command, in the table at 1 */
  bool pipe[3];      /* for its descriptors 0 to 2 */
  bool err_as_out;   /* the child's descriptor 2 is what 1 is */
  bool keeps_end;    /* its end is collected when wait asks for it */
  const char *input; /* what it is to read; NULL: that wasn't said */
  size_t input_size;
} lab_lua_wishes;

/* Arguments 1 and 2, which stay on the stack, with more. Raises. */
lab_lua_wishes lab_lua_check_wishes(lua_State *L);
/* The child, with copies of all of it, but with nothing set in its errand.
 * NULL, and so many bytes are MISSING; 0: a word has zeros. Raises nothing. */
lab_child *lab_lua_new_child(lua_State *L, const lab_lua_wishes *w,
                             size_t *missing);
/* Any thread. */
void lab_lua_free_child(lab_child *child);

#endif
