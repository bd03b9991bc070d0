/* SPDX-License-Identifier: MIT
 * Headers of HTTP as a Lua table: of requests that scenarios serve, and of
 * answers that they get.
 *
 * Threads: the VM's. */
#ifndef LAB_RESOURCES_HEADERS_H
#define LAB_RESOURCES_HEADERS_H

#include <lua.h>

#include "base/token.h"

/* Adds FIELD to the table on top of the stack, by its name in lower case. A
 * second value of a name follows the first one after ", ". May raise. */
void lab_lua_add_header(lua_State *L, const lab_field *field);

#endif
