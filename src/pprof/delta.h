/* SPDX-License-Identifier: MIT
 * What came between two profiles of a kind that only grows: block, mutex,
 * alloc_space.
 *
 * Threads: one at a time per profile. Signal handlers: never. */
#ifndef LAB_PPROF_DELTA_H
#define LAB_PPROF_DELTA_H

#include "pprof/decode.h"

/* Takes the values of BASE off those of P. Samples are the same if their
 * frames' functions, files and lines are equal (names of more than a kilobyte
 * by their 64-bit hash), and their labels. Where nothing is left of a sample,
 * it goes. What only BASE has is not in P then: kinds that only grow have none,
 * and *LOST says how many of BASE's samples these were (it may be NULL).
 *
 * Returns 0; or -EINVAL, with P unchanged, if the two have different types. */
int lab_pprof_subtract(lab_pprof *p, const lab_pprof *base, size_t *lost,
                       lab_err *err);

#endif
