/* SPDX-License-Identifier: MIT
 * See goroutine.h: the picture, and its counts in the binary form and as
 * debug=1. Each task is in goroutine_text.c. */
#include "prof/goroutine.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "prof/attempt.h"
#include "prof/counts.h"
#include "prof/goroutine_internal.h"

_Static_assert(sizeof(lab_goroutine) == 32, "a million of them are 32 MB");

lab_goroutines *lab_goroutines_new(const char *name) {
  lab_goroutines *g = lab_xcalloc(1, sizeof *g);
  g->name = name;
  g->taken_real = lab_clock_real();
  g->taken_mono = lab_clock_mono();
  g->attempt = lab_attempt_now().id;
  g->last = &g->first;
  return g;
}

void lab_goroutines_free(lab_goroutines *g) {
  if (!g)
    return;
  while (g->first) {
    lab_goroutine_block *next = g->first->next;
    lab_xfree(g->first);
    g->first = next;
  }
  lab_awaited_free(g);
  lab_xfree(g);
}

void lab_goroutines_add(lab_goroutines *g, const lab_goroutine *one) {
  size_t place = g->count++ % LAB_GOROUTINE_BLOCK;
  if (place == 0) {
    g->filling = lab_xmalloc(sizeof *g->filling);
    g->filling->next = NULL;
    *g->last = g->filling;
    g->last = &g->filling->next;
  }
  g->filling->items[place] = *one;
}

void lab_goroutines_mark_whole(lab_goroutines *g) {
  g->whole = true;
}

size_t lab_goroutines_count(const lab_goroutines *g) {
  return g->count;
}

/* ---- counts -------------------------------------------------------------- */

static void count_goroutines(lab_counts *c, const lab_goroutines *g,
                             int64_t by) {
  size_t left = g->count;
  for (const lab_goroutine_block *b = g->first; b; b = b->next)
    for (size_t i = 0; i < LAB_GOROUTINE_BLOCK && left > 0; i++, left--)
      lab_counts_add(c, b->items[i].stack, b->items[i].label, by);
}

int lab_goroutines_write(const lab_goroutines *now,
                         const lab_goroutines *before, lab_buf *out) {
  lab_counts c = LAB_COUNTS_INIT;
  uint64_t duration = 0;
  count_goroutines(&c, now, 1);
  if (before) {
    count_goroutines(&c, before, -1);
    duration = now->taken_mono - before->taken_mono;
  }
  lab_counts_about about = {.name = now->name,
                            .taken = now->taken_real,
                            .duration = duration,
                            .attempt = (before ? before : now)->attempt};
  int rc = lab_counts_write(&c, &about, out);
  lab_counts_free(&c);
  return rc;
}

void lab_goroutines_write_text(const lab_goroutines *g, lab_buf *out) {
  lab_counts c = LAB_COUNTS_INIT;
  count_goroutines(&c, g, 1);
  lab_counts_write_text(&c, g->name, out);
  lab_counts_free(&c);
}
