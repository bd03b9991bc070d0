/* SPDX-License-Identifier: MIT
 * Addresses in the text forms of profiles (debug=1), which know places in the
 * program as addresses only. Native code has some. A place in a Lua function
 * gets the number of its frame: no native address can be equal, since its bit
 * 63 is set, and it stays the same as long as the program runs.
 *
 * Threads: any; not a signal handler. */
#ifndef LAB_PROF_TEXT_ADDRESS_H
#define LAB_PROF_TEXT_ADDRESS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "stack/frame.h"

/* The address of the place FRAME itself; LEAF as in lab_symbols_lookup. The
 * line of addresses of a record shows it plus 1, as if all were return
 * addresses: that is how Go writes them, and readers take the 1 away again. */
uint64_t lab_text_address(lab_frame frame, bool leaf);

/* For readers that take bit 63 for a mistake: the number of a Lua frame XORed
 * with this has bit 62 instead. lab_text_name knows both. */
#define LAB_TEXT_LOW (3ull << 62)

/* Appends the name of the innermost function at such an address: for
 * /debug/pprof/symbol. False if the address means nothing. It may be any
 * number: nothing is kept of it. Slow (symbols): not on the control thread. */
bool lab_text_name(uint64_t address, lab_buf *out);

#endif
