/* SPDX-License-Identifier: MIT
 * Which known word did somebody mean who wrote another one? For messages that
 * end in "did you mean ...?". Threads: any. */
#ifndef LAB_BASE_NEAREST_H
#define LAB_BASE_NEAREST_H

#include <stddef.h>

/* The one of KNOWN (N words) that takes the fewest typing mistakes to become
 * WORD: a letter too many, missing, wrong, or swapped with its neighbour,
 * capitals don't count. NULL if none takes less than about a third of its
 * letters. The first one of equals. */
const char *lab_nearest(const char *word, const char *const *known, size_t n);

#endif
