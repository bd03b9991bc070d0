/* SPDX-License-Identifier: MIT
 * The part of `host` that asks what scenarios say of themselves (folders.h).
 *
 * Threads: any but the control thread; each call belongs to one Lua state. */
#ifndef LAB_SCENARIO_RECORDS_H
#define LAB_SCENARIO_RECORDS_H

#include <lauxlib.h>

/* host.read_folders { path of scenario.lua, ... }: afterwards host.record knows
 *   them
 * host.read_whole { path, ... }: with their lessons, too
 * host.record(path of scenario.lua) -> record | nil, message */
extern const luaL_Reg lab_host_records[];

#endif
