/* SPDX-License-Identifier: MIT
 * Numbers that people write: 5, 0.5, .5, 1e-3. strtod takes more: 0x10, nan,
 * inf, a sign, blanks before it, none of which is meant where somebody says how
 * long or how much.
 *
 * Threads: any. */
#ifndef LAB_BASE_DECIMAL_H
#define LAB_BASE_DECIMAL_H

/* The number that TEXT begins with, a 0 behind it or anything else that is no
 * part of one. Returns what follows, or NULL if there is none; *OUT is as it
 * was then. Infinite, if it is too large. */
const char *lab_decimal_read(const char *text, double *out);

#endif
