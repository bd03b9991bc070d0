/* SPDX-License-Identifier: MIT
 * lab.channel and lab.select: task/channel.h for scripts.
 *
 * Threads: the VM's. */
#ifndef LAB_LUALIB_CHANNEL_H
#define LAB_LUALIB_CHANNEL_H

#include <lua.h>

/* Adds these functions to the table on top of the stack. May raise. */
void lab_lib_channel(lua_State *L);

#endif
