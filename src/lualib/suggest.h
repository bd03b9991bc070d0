/* SPDX-License-Identifier: MIT
 * "Did you mean": a typing mistake in a scenario is an error at its line, with
 * the name that was probably meant, and not a nil that does harm much later.
 *
 * Threads: the VM's. All of these may raise. */
#ifndef LAB_LUALIB_SUGGEST_H
#define LAB_LUALIB_SUGGEST_H

#include <lua.h>
#include <stddef.h>

/* Raises "WHAT 'NAME'; did you mean 'nearest'?": WHAT is like "lab has no". The
 * N names of KNOWN are there. */
int lab_lua_unknown(lua_State *L, const char *what, const char *name,
                    const char *const *known, size_t n);
/* Does so if a string that isn't KNOWN is a key of the table ARG, and refuses a
 * table with very many other keys. After: but for the first SKIPPED elements of
 * its sequence. */
void lab_lua_check_keys_after(lua_State *L, int arg, size_t skipped,
                              const char *what, const char *const *known,
                              size_t n);
void lab_lua_check_keys(lua_State *L, int arg, const char *what,
                        const char *const *known, size_t n);

#endif
