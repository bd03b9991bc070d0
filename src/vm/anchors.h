/* SPDX-License-Identifier: MIT
 * Lua values that C code of a step keeps alive, each under its own address or
 * one inside an object that lives until the value is dropped: so nobody else
 * has the key meanwhile.
 *
 * They are in a table of their own, not in the registry: a table never shrinks,
 * so one that grew for a step would stay when the step is left. This one is
 * replaced by a small one then. (Coroutines have another one, which is no
 * reference to them where leaked tasks are looked for.)
 *
 * Threads: the VM's. */
#ifndef LAB_VM_ANCHORS_H
#define LAB_VM_ANCHORS_H

#include <lua.h>

struct lab_vm;

void lab_anchors_open(lua_State *L);
/* Pops a value, not nil, and keeps it under KEY. May raise. */
void lab_anchor_set(lua_State *L, const void *key);
/* Pushes what is kept under KEY, or nil. */
void lab_anchor_push(lua_State *L, const void *key);
/* Lets go of it, if there is something. Raises and allocates nothing. */
void lab_anchor_drop(struct lab_vm *vm, const void *key);
/* Makes the table as small as possible. May raise. */
void lab_anchors_compact(lua_State *L);

#endif
