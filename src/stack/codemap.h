/* SPDX-License-Identifier: MIT
 * The functions of this executable: what the code at an address is called, and
 * which part of the program it is.
 *
 * Threads: any. Signal handlers: all but lab_codemap_init. */
#ifndef LAB_STACK_CODEMAP_H
#define LAB_STACK_CODEMAP_H

#include <stdint.h>

#include "stack/classify.h"

/* Reads this executable's symbol table, once; lab_unwind_init calls it. 0 or
 * negative errno: then no address is known. */
int lab_codemap_init(void);

/* The functions below want the address of an instruction. For a return address,
 * pass the address of the byte before it. */

/* What the code at PC is; LAB_CODE_OTHER if it isn't in the map. */
lab_code lab_code_class(uintptr_t pc);

/* The same, with the name that students see. */
lab_code_kind lab_code_kind_at(uintptr_t pc);

/* The symbol that contains PC, or NULL. *START is its first address; START may
 * be NULL. */
const char *lab_code_name(uintptr_t pc, uintptr_t *start);

#endif
