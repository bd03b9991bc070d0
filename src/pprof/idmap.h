/* SPDX-License-Identifier: MIT
 * From the ids in a profile to places in an array. Ids are mostly 1, 2, 3...,
 * and that takes no search; any others are sorted. For the files of this
 * folder.
 *
 * Threads: one at a time while it is filled, then any. */
#ifndef LAB_PPROF_IDMAP_H
#define LAB_PPROF_IDMAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct lab_idmap_entry {
  uint64_t id;
  uint32_t place;
} lab_idmap_entry;

/* The caller sets ENTRIES, which has room for all, and adds them in order. */
typedef struct lab_idmap {
  lab_idmap_entry *entries;
  size_t n;
  bool is_sparse; /* not 1, 2, 3...: sorted, and searched */
} lab_idmap;

/* The next place has this ID. */
void lab_idmap_add(lab_idmap *m, uint64_t id);
/* All are added. True; or false if an id occurs twice: *TWICE. */
bool lab_idmap_finish(lab_idmap *m, uint64_t *twice);
/* The place of ID, or UINT32_MAX if there is none. */
uint32_t lab_idmap_find(const lab_idmap *m, uint64_t id);

#endif
