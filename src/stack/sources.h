/* SPDX-License-Identifier: MIT
 * Names of Lua functions, read off the text of their chunk.
 *
 * Lua itself doesn't know what a function is called (the same one has as many
 * names as callers). A small lexer over the source gives the name it was
 * defined with, keyed by its line of definition:
 *   local function f, function M.a:b, M.x = function, { request = function }
 * and, for one without a name, Go's way: doSomeBusinessLogic.func1.
 *
 * Threads: any (one mutex); never in a signal handler. */
#ifndef LAB_STACK_SOURCES_H
#define LAB_STACK_SOURCES_H

#include <stddef.h>

/* Registers the text of a chunk before it is run. CHUNK: its name for
 * luaL_loadbuffer ("@/abs/scenario.lua"); PREFIX: what students see before the
 * function's name ("main", or a scenario's slug); PATH: absolute file name for
 * the source view. A chunk registered again replaces its names. */
void lab_sources_register(const char *chunk, const char *prefix,
                          const char *path, const char *text, size_t len);

/* "main.helloWorldHandler" for the function of CHUNK that was defined at LINE
 * (0: the chunk itself, "memory-alloc.<main>"). The string is valid for ever.
 * *PATH (may be NULL) is the file, or "". What is not known gives
 * "<chunk>:<line>". */
const char *lab_sources_name(const char *chunk, int line, const char **path);

#endif
