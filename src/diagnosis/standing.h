/* SPDX-License-Identifier: MIT
 * What a student has done so far: the sums (sums.h) of what stands in the
 * progress (progress.h). The file is read on from where the last look has
 * ended, so a look costs what was added since then, whoever has added it.
 *
 * Threads: any; never the control thread, because the disk may be slow. */
#ifndef LAB_DIAGNOSIS_STANDING_H
#define LAB_DIAGNOSIS_STANDING_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/err.h"

typedef struct lab_standing lab_standing;

/* Of the progress in FOLDER; NULL: there is none. */
lab_standing *lab_standing_new(const char *folder);
/* Accepts NULL. */
void lab_standing_free(lab_standing *s);

/* Of a step. */
typedef void lab_standing_visit(int step, bool solved, bool repaired,
                                void *arg);

/* Reads on, and calls VISIT for the steps that are solved or repaired, in the
 * order of their numbers. A file that is there and can't be read is as it was
 * at the last look. */
void lab_standing_each(lab_standing *s, lab_standing_visit *visit, void *arg);
/* Reads on, and appends the sums as JSON: what /lab/progress says. 0, also if
 * there is no file; or a negative errno and ERR. */
int lab_standing_write(lab_standing *s, lab_buf *out, lab_err *err);

#endif
