/* SPDX-License-Identifier: MIT
 * From interned stacks to a profile that pprof reads: the last step of every
 * kind of profile in this module.
 *
 * A frame becomes a location with one line; functions that the compiler inlined
 * become locations of their own (of the same address), because several viewers
 * show a single line per location. Each frame is looked up once per profile.
 *
 * The slow part is finding the names of native frames (some 40 us each, the
 * first time).
 *
 * Threads: one at a time per export; not the control thread. */
#ifndef LAB_PROF_EXPORT_H
#define LAB_PROF_EXPORT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "pprof/profile.h"
#include "stack/frame.h"

typedef struct lab_export lab_export;

lab_export *lab_export_new(const lab_profile_config *config);
/* Accepts NULL. */
void lab_export_free(lab_export *e);

/* Adds a sample: interned STACK (0 becomes "[unknown]"), LABEL of label.h, and
 * the size of the object, or 0 if there is none. */
void lab_export_sample(lab_export *e, uint32_t stack, uint32_t label,
                       int64_t bytes, const int64_t *values);

/* The same, with STATE, a word that stays, as label "state" instead of what
 * LABEL has by that key. It is in no set of label.h: those are
 * bounded, for scenarios make them. */
void lab_export_state_sample(lab_export *e, uint32_t stack, uint32_t label,
                             const char *state, const int64_t *values);

/* Appends the gzip'ed profile. 0 or negative errno. */
int lab_export_finish(lab_export *e, lab_buf *out);

/* The interned stack of a single pseudo function: "[lost samples]". */
uint32_t lab_export_pseudo(const char *name);

/* ---- addresses in text forms --------------------------------------------- */

/* The text forms (debug=1) know places in the program as addresses only.
 * Native code has some; a place in a Lua function gets its frame's number,
 * which no native address can be (its bit 63 is set) and which stays the same
 * as long as the program runs. LEAF as in lab_symbols_lookup.
 *
 * What is returned is the place itself. The line of addresses of a record
 * shows it plus 1, as if all were return addresses; that is how Go writes them,
 * and readers take the 1 away again. */
uint64_t lab_text_address(lab_frame frame, bool leaf);

/* Readers that take bit 63 for a mistake: XORed with this, the number of a Lua
 * frame has bit 62 instead. lab_text_name knows both. */
#define LAB_TEXT_LOW (3ull << 62)

/* The innermost function at such an address: for /debug/pprof/symbol. Returns
 * NULL if the address means nothing. Valid for ever. Slow. */
const char *lab_text_name(uint64_t address);

#endif
