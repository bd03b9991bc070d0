/* SPDX-License-Identifier: MIT
 * A long string gets its hash when it is a key for the first time: Lua reads
 * all of it then, a gigabyte in a second or more. That can be given up. What
 * lstring.c is about to do is noted when it is called (--wrap), and undone.
 *
 * Threads: any that runs Lua. */
#ifndef LAB_VM_LONG_KEY_H
#define LAB_VM_LONG_KEY_H

#include <stdbool.h>

/* A signal has interrupted luaS_hashlongstr, called by what has the name
 * lab_long_key_noted. True: the string has its hash, or is as it was before,
 * and the handler must raise. False: it must not. */
bool lab_long_key_give_up(void);

extern const char lab_long_key_noted[];

#endif
