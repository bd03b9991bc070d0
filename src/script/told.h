/* SPDX-License-Identifier: MIT
 * What instructors and students are told when something is wrong with a
 * scenario: names that don't exist, memory that is out, a step that can't be
 * entered soon. The VM's thread, unless it says otherwise. */
#ifndef LAB_SCRIPT_TOLD_H
#define LAB_SCRIPT_TOLD_H

#include "script/vm.h"

/* ---- unknown.c: typing mistakes ------------------------------------------ */

/* Raises "WHAT 'NAME'; did you mean 'nearest'?": WHAT is like "lab has no". */
int lab_lua_unknown(lua_State *L, const char *what, const char *name,
                    const char *const *known, size_t n);
/* Does so if a string that isn't KNOWN is a key of the table ARG. */
void lab_lua_check_keys(lua_State *L, int arg, const char *what,
                        const char *const *known, size_t n);
/* host.did_you_mean(name, set) -> "; did you mean 'key'?", or "" */
int lab_host_did_you_mean(lua_State *L);

/* ---- memory.c: when it is out ---------------------------------------------
 */

#define LAB_LUA_NO_MEMORY "not enough memory" /* Lua's own words */
enum { LAB_MEMORY_TEXT = LUA_IDSIZE + 160 };

/* The allocator gives none: notes where that is. Allocates nothing. */
void lab_memory_refused(void);
/* "the step has 1 GiB (limits.memory)". */
void lab_memory_limit_text(const lab_vm *vm, char *out, size_t size);
/* What stands for Lua's error that came of the last refusal:
 * "scenario.lua:12: not enough memory: the step has 1 GiB (limits.memory)".
 * FAILED, which may be NULL: a coroutine that ended by it. */
void lab_memory_error_text(lab_vm *vm, lua_State *failed, char *out,
                           size_t size);
/* nil and such a text without a place: pushes both, returns 2. */
int lab_memory_failure(lua_State *L);
/* host.explain(problem): an error as it is told; the limit is lifted. */
int lab_host_explain(lua_State *L);

/* ---- entering.c -----------------------------------------------------------
 */

/* host.reading(number, slug): its scenario.lua is run, while another step is
 * served. host.leaving(): that one is left now. host.entering(number, slug):
 * `enter` runs. */
int lab_host_reading(lua_State *L);
int lab_host_leaving(lua_State *L);
int lab_host_entering(lua_State *L);
/* The step is entered, or will not be. */
void lab_entering_over(lab_vm *vm);

#endif
