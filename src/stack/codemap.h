/* SPDX-License-Identifier: MIT
 * The functions of this executable, and of shared objects that were added: what
 * the code at an address is called, and which part of the program it is.
 *
 * Threads: any. Signal handlers: all but lab_codemap_init, lab_codemap_add and
 * lab_code_function. */
#ifndef LAB_STACK_CODEMAP_H
#define LAB_STACK_CODEMAP_H

#include <stdint.h>

#include "stack/classify.h"

/* Reads this executable's symbol table, once; lab_unwind_init calls it. 0 or
 * negative errno: then no address is known. */
int lab_codemap_init(void);

enum { LAB_CODEMAP_LOADED = 32 }; /* shared objects that can be added */

/* Reads the symbol table of the loaded shared object that contains the address
 * INSIDE, and of which no other thread runs code yet. Its code is
 * LAB_CODE_LOADED from now on. It must never be unloaded. 0, also if it is
 * there already or the address is this executable's; -ENOENT: there is no such
 * object; -ENFILE: too many. An object without a symbol table (stripped) is
 * added, and its functions have no names here. */
int lab_codemap_add(const void *inside);

/* The functions below want the address of an instruction. For a return address,
 * pass the address of the byte before it. */

/* What the code at PC is; LAB_CODE_OTHER if it isn't in the map. */
lab_code lab_code_class(uintptr_t pc);

/* The same, with the name that students see. */
lab_code_kind lab_code_kind_at(uintptr_t pc);

/* The symbol that contains PC, or NULL. *START is its first address; START may
 * be NULL. */
const char *lab_code_name(uintptr_t pc, uintptr_t *start);

/* The id of the C function of Lua's (frame.h) whose code contains PC, or 0: it
 * isn't registered. Of a stripped object the unwind tables know the start. */
uint32_t lab_code_function(uintptr_t pc);

#endif
