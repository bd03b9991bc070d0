/* SPDX-License-Identifier: MIT
 * Finds the known word that was probably meant by a misspelled one. It is for
 * messages that end in "did you mean ...?". Threads: any. */
#ifndef LAB_BASE_NEAREST_H
#define LAB_BASE_NEAREST_H

#include <stddef.h>

/* The one of the N words KNOWN that becomes WORD by the fewest typing mistakes;
 * the first one if several are equal. A mistake is a letter that is missing,
 * wrong, one too many, or swapped with its neighbour; capitals are equal to
 * small letters. NULL if all of them need more mistakes than a third of their
 * letters. */
const char *lab_nearest(const char *word, const char *const *known, size_t n);

#endif
