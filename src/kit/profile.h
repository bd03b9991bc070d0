/* SPDX-License-Identifier: MIT
 * Profiles that were read (pprof/decode.h), for Lua.
 *
 * Threads: the only one. */
#ifndef LAB_KIT_PROFILE_H
#define LAB_KIT_PROFILE_H

#include <lauxlib.h>

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
 * the scenario only, the innermost first, without its name before them;
 * functions within one count as it, and repeated ones as one
 * profile:has_function(name) -> is it in the profile, as profiles print it?
 * profile:subtract(other) -> true | nil, message
 * profile:copy() -> the profile as it was decoded
 * profile:bytes() -> what was decoded */
extern const luaL_Reg lab_kit_profiles[];

#endif
