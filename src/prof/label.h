/* SPDX-License-Identifier: MIT
 * Profile labels: what a sample belongs to, as a set of keys with values: the
 * step and the route, and what the scenario adds by lab.label. Interned: a set
 * is a number, 0 is the empty one.
 *
 * Values are words, never plain numbers (pprof's -tagfocus would take those
 * for ranges).
 *
 * Sets are never freed. A scenario may make up any number of values, so when
 * there are LAB_LABEL_LIMIT sets, a new value becomes "[other]". Steps and
 * routes have room of their own.
 *
 * Threads: any (one mutex); never a signal handler. */
#ifndef LAB_PROF_LABEL_H
#define LAB_PROF_LABEL_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

enum {
  LAB_LABEL_LIMIT = 10000, /* different sets */
  LAB_LABEL_KEYS = 16,     /* in a set */
};

typedef struct lab_label {
  const char *key, *value;
} lab_label;

/* The set {step, route}. STEP is the step's slug, ROUTE a path; both are
 * copied. */
uint32_t lab_label_intern(const char *step, const char *route);
/* The set ID with VALUE for KEY, which replaces a former value. KEY isn't
 * empty; both are copied, with U+FFFD for what isn't valid UTF-8. If the set
 * would have more than LAB_LABEL_KEYS keys, the result is ID. */
uint32_t lab_label_with(uint32_t id, const char *key, const char *value);

/* The pairs of a set, in the order of keys, valid for ever. Returns how many
 * there are; 0 for id 0. */
size_t lab_label_get(uint32_t id, const lab_label **pairs);
/* As Go's text forms write it after "# labels: ": {"route":"/", "step":"cpu"}.
 */
void lab_label_write(uint32_t id, lab_buf *out);

#endif
