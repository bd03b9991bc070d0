/* SPDX-License-Identifier: MIT
 * The names, files and lines of frames, for writing a profile.
 *
 * An address is looked up once, which takes 20 us in our own code and 0.3 us in
 * a library; from then on it takes 20 ns. The very first one opens the debug
 * information (5 to 10 ms), and the first one in a library sorts its symbols
 * (up to 10 ms). Call lab_unwind_init first.
 *
 * Threads: any but the control thread, which must not wait so long. There is
 * one lock. Signal handlers: never. */
#ifndef LAB_STACK_SYMBOLS_H
#define LAB_STACK_SYMBOLS_H

#include <stddef.h>
#include <stdint.h>

#include "stack/frame.h"

enum { LAB_SYMBOL_INLINES = 16 };

typedef struct lab_symbol {
  const char *name;  /* never NULL: "[libc.so.6]" for code without a symbol */
  const char *file;  /* absolute path, or "" */
  int line;          /* 0 = unknown */
  int start_line;    /* line of definition, 0 = unknown */
  uintptr_t address; /* native: the pc looked up; script: 0 */
  int mapping;       /* native: number in lab_symbols_mappings, else -1 */
} lab_symbol;

typedef struct lab_mapping {
  uintptr_t start, limit;
  uint64_t offset;
  const char *file;     /* absolute path, or "[vdso]" */
  const char *build_id; /* hex, or "" */
} lab_mapping;

/* The functions that a frame stands for, the innermost inlined one first. LEAF:
 * FRAME is the address of an instruction, not a return address. The strings are
 * valid for ever. Returns how many, 1 to LAB_SYMBOL_INLINES. */
size_t lab_symbols_lookup(lab_frame frame, bool leaf,
                          lab_symbol out[LAB_SYMBOL_INLINES]);

/* The same for the instruction at PC, which may be any number that somebody has
 * sent: the answer isn't kept, so that who asks for many takes no memory. The
 * strings are valid for ever all the same: they are names of the program's.
 * Returns 0 if there is no code at PC. */
size_t lab_symbols_peek(uintptr_t pc, lab_symbol out[LAB_SYMBOL_INLINES]);

/* All mappings, valid for ever; the executable is number 0. Returns how
 * many. */
size_t lab_symbols_mappings(const lab_mapping **out);

#endif
