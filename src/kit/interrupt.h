/* SPDX-License-Identifier: MIT
 * Ctrl-C, TERM and HUP: a verb ends, and gives back what it has started.
 *
 * The signal becomes an error in the Lua code, at its next instruction; so its
 * <close> variables stop labs and remove folders. What waits in C (batch.h,
 * labs.h) looks for it, too.
 *
 * Threads: the only one. */
#ifndef LAB_KIT_INTERRUPT_H
#define LAB_KIT_INTERRUPT_H

#include <lauxlib.h>

/* From now on signals are handled so; HUP only if nohup has not had it ignored.
 * L must stay valid. */
void lab_kit_catch_interrupts(lua_State *L);
/* The signal that has come, or 0. */
int lab_kit_interrupted(void);
/* Raises if one has come. */
void lab_kit_check_interrupt(lua_State *L);

/* host.interrupted() -> boolean: whether one has come. Who catches errors asks
 * it, as any other error may have the same text. */
extern const luaL_Reg lab_kit_interrupts[];

#endif
