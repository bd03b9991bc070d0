/* SPDX-License-Identifier: MIT
 * Debug information (DWARF): functions, files and lines of our own code.
 *
 * Internal to src/stack. Threads: under the lock of symbols.c. */
#ifndef LAB_STACK_DEBUGINFO_H
#define LAB_STACK_DEBUGINFO_H

#include <stddef.h>
#include <stdint.h>

#include <elfutils/libdwfl.h>

#include "stack/symbols.h"

/* The functions at PC, the innermost inlined one first: name, file, line and
 * line of definition of each. The strings are interned. Returns how many; 0 if
 * there is no debug information. */
size_t lab_debuginfo_lookup(Dwfl_Module *m, uintptr_t pc,
                            lab_symbol out[LAB_SYMBOL_INLINES]);

/* Where the function that begins at PC is defined: the file, or "", and the
 * line, or 0. */
const char *lab_debuginfo_definition(Dwfl_Module *m, uintptr_t pc, int *line);

#endif
