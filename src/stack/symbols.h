/* SPDX-License-Identifier: MIT
 * From frames to names, for whoever writes a profile out.
 *
 * An address is resolved once and remembered for ever: 20 us for our own code,
 * 0.3 us in a library, 20 ns from then on. The first one opens the debug
 * information (5 to 10 ms), the first one in a library sorts its symbols (up to
 * 10 ms). So: never on the control thread, never in a signal handler. Any other
 * thread; one lock, so one at a time. Call lab_unwind_init first. */
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
  int mapping;       /* native: index of lab_symbols_mapping, else -1 */
} lab_symbol;

typedef struct lab_mapping {
  uintptr_t start, limit;
  uint64_t offset;
  const char *file;     /* absolute path, or "[vdso]" */
  const char *build_id; /* hex, or "" */
} lab_mapping;

/* The functions a frame stands for, innermost inlined one first; LEAF: the
 * address is that of an instruction, not a return address. Strings are valid
 * for ever. Returns 1..LAB_SYMBOL_INLINES. */
size_t lab_symbols_lookup(lab_frame frame, bool leaf,
                          lab_symbol out[LAB_SYMBOL_INLINES]);

/* The executable is index 0. Returns the number of mappings. */
size_t lab_symbols_mappings(const lab_mapping **out);

#endif
