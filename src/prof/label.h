/* SPDX-License-Identifier: MIT
 * Profile labels: what a sample belongs to, as a set of keys with values: the
 * step and the route, and what the scenario adds by lab.label. Interned: a set
 * is a number, 0 is the empty one.
 *
 * Values are words, never plain numbers (pprof's -tagfocus would take those
 * for ranges).
 *
 * A scenario may make up any number of values. So each visit of a step (its
 * generation, lab_task.generation) can make LAB_LABEL_LIMIT sets; a further new
 * value becomes "[other]". What others have made never counts against the
 * present visit. When a step is entered, the sets of visits before the last one
 * are given back, unless there are only LAB_LABEL_KEPT sets in all, or somebody
 * keeps them. A number is never used for a second set: one whose set is gone
 * stands for {route: "[other]", step: "[other]"}.
 *
 * Threads: any (one mutex); never a signal handler. */
#ifndef LAB_PROF_LABEL_H
#define LAB_PROF_LABEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

enum {
  LAB_LABEL_LIMIT = 10000, /* different sets that a visit can make */
  LAB_LABEL_ROUTES = 1000, /* and of those with a step and a route only */
  LAB_LABEL_KEYS = 16,     /* in a set */
  LAB_LABEL_KEPT = 1000,
};

#define LAB_LABEL_FULL UINT32_MAX /* no set has this number */

typedef struct lab_label {
  const char *key, *value;
} lab_label;

/* The set {step, route}. STEP is the step's slug, ROUTE a path; both are
 * copied. GENERATION is the visit's. When the visit has made LAB_LABEL_ROUTES
 * of them, a new route is "[other]". */
uint32_t lab_label_intern(uint32_t generation, const char *step,
                          const char *route);
/* The set ID with VALUE for KEY, which replaces a former value. KEY isn't
 * empty; both are copied, with U+FFFD for what isn't valid UTF-8.
 * LAB_LABEL_FULL: the set would have more than LAB_LABEL_KEYS keys. */
uint32_t lab_label_with(uint32_t generation, uint32_t id, const char *key,
                        const char *value);

/* Whether the lab sets the label KEY itself, here or in one kind of profile:
 * one of a program's would be lost there, or be taken for the lab's. */
bool lab_label_is_own(const char *key);

/* The set {step, route} from which ID was made by lab_label_with; 0 if there is
 * none. */
uint32_t lab_label_base(uint32_t id);

/* Copies the pairs of a set to PAIRS, in the order of keys. Their texts are in
 * TEXT, which is cleared before. Returns how many there are; 0 for id 0. */
size_t lab_label_get(uint32_t id, lab_label pairs[LAB_LABEL_KEYS],
                     lab_buf *text);
/* As Go's text forms write it after "# labels: ": {"route":"/", "step":"cpu"}.
 */
void lab_label_write(uint32_t id, lab_buf *out);

/* A visit begins (lab_registry_mark): its sets count as the present ones, and
 * old ones are given back, but for those that were kept since the last time.
 * 0: no step is served. Not beside lab_label_keep. */
void lab_label_mark(uint32_t generation);
/* Keeps the set and its base at the next mark. */
void lab_label_keep(uint32_t id);

#endif
