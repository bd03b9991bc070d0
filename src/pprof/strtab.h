/* SPDX-License-Identifier: MIT
 * The string table of a profile: each different string is in it once, and has a
 * number. Number 0 is the empty string, as profile.proto demands. A table that
 * is all zeros has only that one. Strings are copied.
 *
 * Threads: one at a time per table. Signal handlers: never. */
#ifndef LAB_PPROF_STRTAB_H
#define LAB_PPROF_STRTAB_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/table.h"

typedef struct lab_strtab {
  lab_buf text;    /* the strings, one after the other */
  lab_buf ends;    /* size_t[]: where number 1, 2, ... end in text */
  lab_table table; /* by content */
} lab_strtab;

/* The number of S, which is added if it is new. NULL counts as "". Bytes that
 * aren't valid UTF-8 become U+FFFD: see base/utf8.h. */
uint32_t lab_strtab_add(lab_strtab *t, const char *s);

/* How many strings there are, with number 0. */
uint32_t lab_strtab_count(const lab_strtab *t);

/* The bytes of string NUMBER, without a final 0; valid until the next add. */
const char *lab_strtab_get(const lab_strtab *t, uint32_t number, size_t *n);

/* Gives the memory back; the table is empty again. */
void lab_strtab_free(lab_strtab *t);

#endif
