/* SPDX-License-Identifier: MIT
 * Stacks in the text forms of profiles (debug=1), as Go writes them:
 *
 *   ... 0x55d0c0de1235 0x8000000100000005
 *   # labels: {"route":"/", "step":"mutex"}
 *   #   0x55d0c0de1234   lab_buffer_grow+0x34   /src/prim/buffer.c:40
 *   #   0x8000000100000004   main.handler+0x2   /app/main.lua:4
 *
 * What the addresses mean: lab_text_address in export.h. Slow (symbols): not on
 * the control thread, nor on the VM's. */
#ifndef LAB_PROF_TEXT_H
#define LAB_PROF_TEXT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "stack/frame.h"
#include "stack/symbols.h"

/* The rest of a record that begins with "COUNT @": addresses, labels unless
 * LABEL is 0, functions, an empty line. Stack 0 becomes "[unknown]": readers
 * refuse a record without any address. The caller puts the whole text into
 * columns (pprof/tabwriter.h). */
void lab_text_stack(uint32_t stack, uint32_t label, lab_buf *out);

/* How far the place FRAME (LEAF as in lab_symbols_lookup), one of whose
 * functions is SYMBOL, lies behind the beginning of its function: bytes, or
 * lines of a Lua function. */
uint64_t lab_text_offset(lab_frame frame, bool leaf, const lab_symbol *symbol);

#endif
