/* SPDX-License-Identifier: MIT
 * The string table of a profile: each different string once, known by its
 * number. Number 0 is the empty string, as profile.proto demands.
 * All zeros is a table that holds just that. Strings are copied.
 * Threads: one at a time. */
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

/* The number of S; NULL counts as "". */
uint32_t lab_strtab_add(lab_strtab *t, const char *s);

/* How many numbers there are, 0 included. */
uint32_t lab_strtab_count(const lab_strtab *t);

/* The bytes of string NUMBER, without a final 0; valid until the next add. */
const char *lab_strtab_get(const lab_strtab *t, uint32_t number, size_t *n);

void lab_strtab_free(lab_strtab *t);

#endif
