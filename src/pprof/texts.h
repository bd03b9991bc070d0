/* SPDX-License-Identifier: MIT
 * The string table of a profile that is being read. strtab.h is that of one
 * being written. For the files of this folder.
 *
 * Threads: one at a time per table. */
#ifndef LAB_PPROF_TEXTS_H
#define LAB_PPROF_TEXTS_H

#include <stddef.h>
#include <stdint.h>

typedef struct lab_text {
  const char *text;
  size_t length;
  uint64_t hash;  /* equal texts have equal ones, in any profile */
  uint32_t first; /* number of the first string that is equal to this one */
  uint32_t owner; /* for the caller; UINT32_MAX at first */
} lab_text;

typedef struct lab_text_key {
  uint64_t hash;
  const char *text;
  uint32_t number;
} lab_text_key;

/* The caller sets the pointers: ENTRIES and KEYS have room for all strings, and
 * BYTES for what they have, each with a final 0. */
typedef struct lab_texts {
  lab_text *entries;
  lab_text_key *keys;
  char *bytes;
  size_t n;
} lab_texts;

/* Copies the next string: LENGTH bytes at S. */
void lab_texts_add(lab_texts *t, const void *s, size_t length);
/* All are added: finds equal ones. */
void lab_texts_finish(lab_texts *t);

#endif
