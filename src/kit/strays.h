/* SPDX-License-Identifier: MIT
 * Processes that outlive the lab's step, or the lab, that has started them: a
 * program may begin a session of its own, which the lab doesn't know.
 *
 * Threads: the only one. */
#ifndef LAB_KIT_STRAYS_H
#define LAB_KIT_STRAYS_H

#include <lauxlib.h>

/* From now on processes whose parent has ended become children of this one. */
void lab_kit_adopt_strays(void);
/* Kills those that there are. */
void lab_kit_end_strays(void);

/* host.strays() -> { "sleep (1234)", ... }: name and pid of each
 * host.end_strays(): kills them */
extern const luaL_Reg lab_kit_strays[];

#endif
