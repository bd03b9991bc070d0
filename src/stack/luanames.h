/* SPDX-License-Identifier: MIT
 * The names of all functions in a chunk of Lua. Internal to src/stack. */
#ifndef LAB_STACK_LUANAMES_H
#define LAB_STACK_LUANAMES_H

#include <stddef.h>

enum { LAB_LUANAME_MAX = 128 }; /* longer names are cut; with the final 0 */

typedef struct lab_luaname {
  int line; /* where it is defined: lua_Debug's linedefined */
  char name[LAB_LUANAME_MAX];
} lab_luaname;

/* The functions of TEXT, ordered by line; of several in one line, the outermost
 * first one only. Any bytes are accepted; linear time. The caller frees *OUT
 * with lab_xfree. */
size_t lab_luanames_find(const char *text, size_t len, lab_luaname **out);

#endif
