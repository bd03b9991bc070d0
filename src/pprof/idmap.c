/* SPDX-License-Identifier: MIT
 * See idmap.h. */
#include "pprof/idmap.h"

#include <stdlib.h>

void lab_idmap_add(lab_idmap *m, uint64_t id) {
  m->is_sparse |= id != m->n + 1;
  m->entries[m->n] = (lab_idmap_entry){id, (uint32_t)m->n};
  m->n++;
}

static int compare_idmap_entries(const void *a, const void *b) {
  uint64_t one = ((const lab_idmap_entry *)a)->id;
  uint64_t other = ((const lab_idmap_entry *)b)->id;
  return (one > other) - (one < other);
}

bool lab_idmap_finish(lab_idmap *m, uint64_t *twice) {
  if (!m->is_sparse)
    return true;
  qsort(m->entries, m->n, sizeof *m->entries, compare_idmap_entries);
  for (size_t i = 1; i < m->n; i++) {
    *twice = m->entries[i].id;
    if (*twice == m->entries[i - 1].id)
      return false;
  }
  return true;
}

uint32_t lab_idmap_find(const lab_idmap *m, uint64_t id) {
  if (!m->is_sparse)
    return id >= 1 && id <= m->n ? (uint32_t)(id - 1) : UINT32_MAX;
  lab_idmap_entry wanted = {.id = id};
  const lab_idmap_entry *found =
      bsearch(&wanted, m->entries, m->n, sizeof wanted, compare_idmap_entries);
  return found ? found->place : UINT32_MAX;
}
