/* SPDX-License-Identifier: MIT
 * Turns: processes that share a file wait for each other.
 *
 * Threads: the only one. */
#ifndef LAB_KIT_TURN_H
#define LAB_KIT_TURN_H

#include <lauxlib.h>

/* host.take_turn(path, alone) -> turn | nil, message
 *   waits until nobody has a turn at the file PATH that is ALONE and, for one
 *   that is to be alone, until nobody has any. It ends when it is closed
 *   (<close>) or collected, and with the process. */
extern const luaL_Reg lab_kit_turn[];

#endif
