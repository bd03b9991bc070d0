/* SPDX-License-Identifier: MIT
 * Primitives from outside the tree, for scripts: lab.primitive; and what these
 * primitives call, the functions of diaglab/primitive.h.
 *
 * Threads: the VM's, unless that header says otherwise. */
#ifndef LAB_LUALIB_PRIMITIVE_H
#define LAB_LUALIB_PRIMITIVE_H

#include <lua.h>

/* Adds `primitive` to the table on top of the stack: a table of those that are
 * listed (plugin/plugin.h), by their names. lua/sandbox.lua makes a function of
 * it. Calls their `open`; may raise. */
void lab_lib_primitive(lua_State *L);

/* No task is woken by another thread any more. Called when tasks have ended,
 * before letters are delivered for the last time, and before the scheduler
 * goes. The second time nothing happens. */
void lab_lua_primitive_stop(void);

#endif
