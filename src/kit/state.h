/* SPDX-License-Identifier: MIT
 * The Lua state of a process that is no lab.
 *
 * Threads: the only one. */
#ifndef LAB_KIT_STATE_H
#define LAB_KIT_STATE_H

#include <lua.h>

/* A state without libraries; NULL if there is no memory for it. */
lua_State *lab_kit_state_new(void);

#endif
