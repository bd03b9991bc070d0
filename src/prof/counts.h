/* SPDX-License-Identifier: MIT
 * How many of something each (stack, label) has: profiles with one number, as
 * Go's goroutine, threadcreate and custom profiles are.
 *
 *   lab_counts c = LAB_COUNTS_INIT;
 *   lab_counts_add(&c, stack, label, 1);
 *   rc = lab_counts_write(&c, &about, &out);
 *   lab_counts_free(&c);
 *
 * Internal to src/prof. Threads: the owner's lock. Writing is slow (symbols):
 * not on the control thread, nor on the VM's. */
#ifndef LAB_PROF_COUNTS_H
#define LAB_PROF_COUNTS_H

#include <stdint.h>

#include "base/buf.h"
#include "prof/keymap.h"

typedef struct lab_counts {
  lab_keymap keys; /* (stack, label) -> ... */
  lab_buf numbers; /* ... int64_t[] */
} lab_counts;

#define LAB_COUNTS_INIT                                                        \
  { {0}, LAB_BUF_INIT }

/* BY may be negative, to subtract one profile from another. */
void lab_counts_add(lab_counts *c, uint32_t stack, uint32_t label, int64_t by);
/* The number of c->keys.keys[i]. */
int64_t lab_counts_get(const lab_counts *c, size_t i);
void lab_counts_free(lab_counts *c);

typedef struct lab_counts_about {
  const char *name;
  uint64_t taken;    /* ns since 1970 */
  uint64_t duration; /* ns, 0 for a picture of one moment */
  uint64_t attempt;  /* as of lab_export_new */
} lab_counts_about;

/* Appends the gzip'ed profile.proto with the one sample type NAME/count; what
 * comes to 0 is left out. 0 or negative errno. */
int lab_counts_write(const lab_counts *c, const lab_counts_about *about,
                     lab_buf *out);
/* Appends the text form (debug=1): a heading with the total, then a record for
 * each stack, largest first. */
void lab_counts_write_text(const lab_counts *c, const char *name, lab_buf *out);

#endif
