/* SPDX-License-Identifier: MIT
 * The program and the libraries that are loaded into this process, and their
 * symbols.
 *
 * Internal to src/stack. Threads: under the lock of symbols.c. */
#ifndef LAB_STACK_MODULES_H
#define LAB_STACK_MODULES_H

#include <stdbool.h>
#include <stdint.h>

#include <elfutils/libdwfl.h>

#include "stack/symbols.h"

/* The number of the mapping that contains PC, or -1. Libraries that were loaded
 * since the last call are found, too. */
int lab_modules_mapping(uintptr_t pc);
/* All mappings; the executable is number 0. They stay where they are. Returns
 * how many. */
size_t lab_modules_mappings(const lab_mapping **out);

/* libdw's view of the code at PC, or NULL. */
Dwfl_Module *lab_modules_dwfl(uintptr_t pc);

/* A name for the code at PC, in the module M (may be NULL): its symbol, in the
 * vDSO without "__vdso_"; the name for which the dynamic linker chose it
 * ("memcpy"); "[plt]"; or the file's name, "[libc.so.6]". The string is
 * interned. */
const char *lab_modules_name(Dwfl_Module *m, uintptr_t pc);

#endif
