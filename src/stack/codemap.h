/* SPDX-License-Identifier: MIT
 * Which of our own code is Lua, and which part of it. Internal to src/stack;
 * the public half is lab_code_class and lab_code_name in unwind.h. */
#ifndef LAB_STACK_CODEMAP_H
#define LAB_STACK_CODEMAP_H

#include <stdint.h>

#include "stack/unwind.h"

typedef struct lab_code_kind {
  lab_code code;
  /* What students see in place of this part of Lua's core, e.g.
   * "[lua table]"; NULL if it is not worth a frame. */
  const char *pseudo;
} lab_code_kind;

/* The kind of a function by its symbol and the object file it came from (as
 * STT_FILE has it: "lgc.o", "lgc.c"; NULL if unknown, as for symbols that
 * other files see). Pure. */
lab_code_kind lab_code_classify(const char *file, const char *symbol);

/* Reads the symbol table of this executable, once. 0 or negative errno. */
int lab_codemap_init(void);

/* The kind of the code at PC. Async-signal-safe. */
lab_code_kind lab_code_kind_at(uintptr_t pc);

#endif
