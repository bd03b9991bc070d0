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
#include "prof/text_address.h"

typedef struct lab_export lab_export;

/* CONFIG has no comments: the profile gets that of ATTEMPT (attempt.h), in
 * which what it tells of began; 0: none. */
lab_export *lab_export_new(const lab_profile_config *config, uint64_t attempt);
/* Accepts NULL. */
void lab_export_free(lab_export *e);

/* The keys of the labels that these add are known to lab_label_is_own. */

/* Adds a sample: interned STACK (0 becomes "[unknown]"), LABEL of label.h, and
 * the size of the object, or 0 if there is none. */
void lab_export_sample(lab_export *e, uint32_t stack, uint32_t label,
                       int64_t bytes, const int64_t *values);

/* The same, with the label "state", whose value is STATE (not copied), in place
 * of the value that LABEL has for that key. It takes no room in the sets of
 * label.h, whose number is limited. */
void lab_export_state_sample(lab_export *e, uint32_t stack, uint32_t label,
                             const char *state, const int64_t *values);

/* Appends the gzip'ed profile. 0 or negative errno. */
int lab_export_finish(lab_export *e, lab_buf *out);

/* The interned stack of a single pseudo function: "[lost samples]". */
uint32_t lab_export_pseudo(const char *name);

#endif
