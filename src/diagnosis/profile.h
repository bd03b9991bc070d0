/* SPDX-License-Identifier: MIT
 * Profiles that were read (pprof/decode.h), for the parts of the program that
 * are written in Lua.
 *
 * Threads: any; each object belongs to one Lua state. */
#ifndef LAB_DIAGNOSIS_PROFILE_H
#define LAB_DIAGNOSIS_PROFILE_H

#include <lauxlib.h>

#include "pprof/decode.h"

/* host.decode(bytes) -> profile | nil, message
 *
 * A filter is a table: scenario, only_scenario, tag_key, tag_value, of, under
 * (a list), top, leaf, line, absent, as of lab_pprof_filter; and type, the name
 * of a sample type (that of the profile's default, if it is missing).
 *
 * profile:sum(filter) -> { whole, part, share, n }; share is nil for an empty
 *   profile, n is infinite where nothing is sampled
 * profile:top(filter) -> { { name, flat, cum }, ... }: the filter's max of them
 *   (5), by cum if it has by_cum
 * profile:stacks(filter) -> { { name, ..., weight = N }, ... }: functions of
 * the scenario only, the innermost first, without its name and their files
 * before them; functions within one count as it, and repeated ones as one
 * profile:has_function(name) -> is it in the profile, as profiles print it, or
 * a function within it ("name.func1")? One of an included file, "slug/file.f",
 * is also known as "slug.file.f" and "slug.f".
 * profile:function_at("scenario.lua:14") -> the name of the function with this
 * line, or nil
 * profile:subtract(other) -> true | nil, message
 * profile:copy() -> the profile as it was decoded
 * profile:bytes() -> what was decoded
 *
 * host.function_names(text) -> { { name, line }, ... }: the functions of Lua's
 * TEXT in its order, as profiles print them but for the scenario's name
 *
 * host.decode_trace(bytes) -> { requests, seconds, busy (seconds), profiles = {
 *   wall, block, goroutine } } (trace_profiles.h) | nil, message */
extern const luaL_Reg lab_diagnosis_profiles[];

/* Pushes the profile of these bytes, and returns 1; or nil and a message, and
 * returns 2. Such a profile has no copy() and no bytes(). LIMITS: as of
 * lab_pprof_decode. *MEMORY, unless NULL: the bytes that it has. May raise. */
int lab_diagnosis_push_profile(lua_State *L, const void *bytes, size_t len,
                               const lab_pprof_limits *limits, size_t *memory);
/* The same for a trace: pushes a table as decode_trace returns it. */
int lab_diagnosis_push_trace(lua_State *L, const void *bytes, size_t len,
                             const lab_pprof_limits *limits, size_t *memory);

#endif
