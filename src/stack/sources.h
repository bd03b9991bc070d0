/* SPDX-License-Identifier: MIT
 * Names of Lua functions, taken from the source of their chunk.
 *
 * Lua itself doesn't know the name of a function: it only knows the name of the
 * variable through which it was called. So the source is searched for the name
 * with which a function was defined, and for the line of its definition:
 *   local function f, function M.a:b, M.x = function, { request = function }
 * A function without a name gets one as in Go: doSomeBusinessLogic.func1.
 *
 * Tools know a function by its name alone, so two functions have two names, in
 * every profile, trace and dump. Which ones depends on nothing but the files:
 *   quote.price         of scenario.lua, or its first one of that name
 *   quote.price#2       the second one, in the order of the text
 *   quote.price#2.func1 without a name, in that one
 *   quote/tax.price     of tax.lua, which the scenario includes (as Go has it
 *                       for a package in a folder: net/http.Get)
 *
 * Threads: any; there is one mutex. Signal handlers: never. */
#ifndef LAB_STACK_SOURCES_H
#define LAB_STACK_SOURCES_H

#include <stdbool.h>
#include <stddef.h>

/* Registers the text of a chunk, which is to be done before it runs. CHUNK: its
 * name for luaL_loadbuffer ("@/abs/scenario.lua"); PREFIX: what students see
 * before the function's name: "main", or a scenario's slug; for all but the
 * first file of these, with "/" and the file's name, so that each file has its
 * own. PATH: the absolute name of the file, for pprof's source view. The
 * strings are copied. If the chunk is registered already, its names are
 * replaced. */
void lab_sources_register(const char *chunk, const char *prefix,
                          const char *path, const char *text, size_t len);
/* The same, but the names are found when the first one is asked for, or
 * lab_sources_find_names is called. TEXT is not copied and must stay: it is
 * part of the program. */
void lab_sources_register_late(const char *chunk, const char *prefix,
                               const char *path, const char *text, size_t len);
/* Finds the names that haven't been found yet, which takes a millisecond. A
 * debugger needs this: it can only read what is in memory. */
void lab_sources_find_names(void);

/* Whether a registered chunk has a function at this place. So there are as many
 * of those as the files have, while a script can make any number of others with
 * load. For a chunk whose names aren't found yet it is true for any place. */
bool lab_sources_has(const char *chunk, int line, int order);

/* The name of the function of CHUNK that was defined at LINE, after ORDER other
 * ones that begin there, such as "main.helloWorldHandler"; LINE 0 is the chunk
 * itself, "export.<main>". A function that isn't known is called
 * "<chunk>:<line>", the second one at this line "<chunk>:<line>#2". *PATH is
 * the file, or ""; PATH may be NULL. Both strings are valid for ever. */
const char *lab_sources_name(const char *chunk, int line, int order,
                             const char **path);

/* Is PATH, of LEN bytes, the file of a chunk that was registered? */
bool lab_sources_has_path(const char *path, size_t len);

#endif
