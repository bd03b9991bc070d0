/* SPDX-License-Identifier: MIT
 * What is loaded into this process, and the symbols in it. Internal to
 * src/stack; used under the lock of symbols.c. */
#ifndef LAB_STACK_MODULES_H
#define LAB_STACK_MODULES_H

#include <stdbool.h>
#include <stdint.h>

#include <elfutils/libdwfl.h>

#include "stack/symbols.h"

/* The mapping with PC, or -1. Code loaded since the last call is found. */
int lab_modules_mapping(uintptr_t pc);
size_t lab_modules_mappings(const lab_mapping **out);

/* libdw's view of the code at PC, or NULL. */
Dwfl_Module *lab_modules_dwfl(uintptr_t pc);

/* A name for the code at PC, which libdw knows as M (may be NULL): its symbol,
 * the name under which the dynamic linker chose it ("memcpy"), "[plt]", or the
 * file's name, "[libc.so.6]". Interned. */
const char *lab_modules_name(Dwfl_Module *m, uintptr_t pc);

#endif
