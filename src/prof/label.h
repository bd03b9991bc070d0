/* SPDX-License-Identifier: MIT
 * Profile labels: which step and which route a sample belongs to. Interned:
 * the pair is a number, 0 is "no labels". Values are words, never plain
 * numbers (pprof's -tagfocus would take those for ranges).
 *
 * Pairs never go away. A scenario may invent routes without end, so beyond
 * LAB_LABEL_LIMIT pairs every new one becomes the pair "[other]", "[other]".
 *
 * Threads: any (one mutex); never a signal handler. */
#ifndef LAB_PROF_LABEL_H
#define LAB_PROF_LABEL_H

#include <stdint.h>

enum { LAB_LABEL_LIMIT = 10000 };

/* The id of the pair. STEP is the step's slug, ROUTE a path; both are copied.
 */
uint32_t lab_label_intern(const char *step, const char *route);
/* The pair of an id; strings are valid for ever; NULL for 0. */
void lab_label_get(uint32_t id, const char **step, const char **route);

#endif
