/* SPDX-License-Identifier: MIT
 * The part of `host` that needs no VM: files, "did you mean", and
 * JSON.
 *
 * Threads: any; each call belongs to one Lua state. */
#ifndef LAB_SCENARIO_HOST_FILES_H
#define LAB_SCENARIO_HOST_FILES_H

#include <lauxlib.h>
#include <stddef.h>

/* host.scan(dir) -> { name, ... } | nil, message
 * host.exists(path) -> true | nil, message
 * host.read(path) -> text | nil, message: of a regular file, 1 MiB at most
 * host.realpath(path) -> path | nil, message
 * host.did_you_mean(name, set) -> "; did you mean 'key'?", or ""
 * host.json_string(text) -> text as a string of JSON, with its quotes
 * host.data(text, name) -> table | nil, message: see data_file.h
 * host.part(name) -> function: the chunk of lua/NAME.lua */
extern const luaL_Reg lab_host_files[];
/* Reads the regular file PATH, which may have as many bytes as MOST, with what
 * belongs to L, so nothing is lost if something raises. Pushes the bytes, or
 * nil and a message, and returns how many values these are. */
int lab_host_read_file(lua_State *L, const char *path, size_t most);
/* Pushes the strings of LIST, N of them, as a table. May raise. */
void lab_host_push_strings(lua_State *L, const char *const *list, size_t n);

#endif
