/* SPDX-License-Identifier: MIT
 * What the events of a student's progress add up to, per step: visits,
 * captures, hints, answers, the best score, the time until it was solved,
 * repairs. An event is taken when it is read, and isn't looked at again; so
 * what it costs to tell the sums depends on the number of steps only.
 *
 * The lines are those of progress.h: texts in them are escaped, so a key with
 * its quotes is found by looking for it. Somebody may have written into the
 * file: a line without an event and a step is counted as one that can't be
 * read, and a value that isn't there is 0.
 *
 * Memory: 24 bytes and a place in a hash table for each visit.
 *
 * Threads: one at a time. */
#ifndef LAB_DIAGNOSIS_SUMS_H
#define LAB_DIAGNOSIS_SUMS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

enum { LAB_SUMS_STEPS = 10000 }; /* numbers of steps are below it */

typedef struct lab_sums lab_sums;

lab_sums *lab_sums_new(void);
/* Accepts NULL. */
void lab_sums_free(lab_sums *s);

/* Nothing has been taken. */
void lab_sums_clear(lab_sums *s);
/* Takes a line, without its newline. */
void lab_sums_take(lab_sums *s, const char *line, size_t len);

bool lab_sums_is_solved(const lab_sums *s, int step);
bool lab_sums_is_repaired(const lab_sums *s, int step);

/* Appends the sums as JSON, as /lab/progress says them. UNREAD: lines that
 * can't be read and were not taken. */
void lab_sums_write(const lab_sums *s, unsigned unread, lab_buf *out);

#endif
