/* SPDX-License-Identifier: MIT
 * The parts of the program that are written in Lua: the files of lua/, which
 * the build embeds. Each says in its first lines what it gets and what it
 * returns.
 *
 * Threads: any; each call belongs to one Lua state. */
#ifndef LAB_SCENARIO_PARTS_H
#define LAB_SCENARIO_PARTS_H

#include <lua.h>
#include <stddef.h>

typedef struct lab_part {
  const char *name; /* "steps" for lua/steps.lua */
  const char *text;
  size_t len;
} lab_part;

/* The part NAME; its text is NULL if there is none. */
lab_part lab_part_find(const char *name);
/* Pushes NAME's chunk, called "NAME.lua" in messages. Raises if there is none.
 */
void lab_part_push(lua_State *L, const char *name);
/* host.part(name) -> function: a part's chunk */
int lab_host_part(lua_State *L);

#endif
