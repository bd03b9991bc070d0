/* SPDX-License-Identifier: MIT
 * The names of all functions in a chunk of Lua.
 *
 * Threads: any. */
#ifndef LAB_STACK_LUANAMES_H
#define LAB_STACK_LUANAMES_H

#include <stddef.h>

/* Bytes of a name with its final 0; longer names are cut. */
enum { LAB_LUANAME_MAX = 128 };

typedef struct lab_luaname {
  int line;  /* where it is defined: lua_Debug's linedefined */
  int order; /* how many functions begin earlier at this line */
  char name[LAB_LUANAME_MAX];
} lab_luaname;

/* The functions of TEXT, sorted by line and order. All names differ: the second
 * function that is defined as `f` is f#2, wherever it stands, and what has no
 * name within it f#2.func1. Any bytes are accepted; the time is that of
 * sorting. Returns how many; the caller frees *OUT with lab_xfree. */
size_t lab_luanames_find(const char *text, size_t len, lab_luaname **out);

#endif
