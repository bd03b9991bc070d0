/* SPDX-License-Identifier: MIT
 * Lua moves a table to a larger place in one go, and looks in the new one for
 * each key. Keys that somebody has chosen so that they all have one place there
 * (multiples of 2^20 - 1) cost the square of their number: 65,000 take five
 * seconds, a million take half an hour. So the moving can be given up: what
 * ltable.c is about to do is noted when it is called (--wrap), and undone.
 *
 * Threads: any that runs Lua. */
#ifndef LAB_VM_REHASH_H
#define LAB_VM_REHASH_H

#include <stdbool.h>

/* A signal has interrupted the search for a place, in luaH_resize, below a
 * function whose name lab_rehash_is_noted tells. True: the table is what it was
 * before, and the handler must raise. False: nothing has happened, it must not.
 * In a table whose array has become shorter, keys may be missing. */
bool lab_rehash_give_up(void);

/* Is NAME, of a C function, one of those that note the table? */
bool lab_rehash_is_noted(const char *name);

#endif
