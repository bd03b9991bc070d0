/* SPDX-License-Identifier: MIT
 * What all pages say alike: the list of steps, the hints that were told, and
 * what the student has done. The first two are made once, and serve again until
 * a file changes from which they were made.
 *
 * Threads: new and free on the control thread. The others on libuv's pool, one
 * at a time: in the page's line of web/slow.h. What they return stays until the
 * next call of one of them. */
#ifndef LAB_PAGE_GROUND_H
#define LAB_PAGE_GROUND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "diagnosis/standing.h"

typedef struct lab_page_ground lab_page_ground;

/* All must stay. */
typedef struct lab_page_ground_config {
  const char *const *dirs; /* with scenarios */
  size_t ndirs;
  lab_standing *standing; /* of the progress; NULL: nothing is kept */
  bool no_hints;
} lab_page_ground_config;

lab_page_ground *lab_page_ground_new(const lab_page_ground_config *config);
/* When no work of the page is under way. */
void lab_page_ground_free(lab_page_ground *g);

/* The list of steps, for somebody who has asked at ASKED, lab_clock_mono: what
 * /steps says as JSON (its "step" is none), or {} if that fails. */
const lab_buf *lab_page_ground_catalog(lab_page_ground *g, uint64_t asked);
/* Hint N of STEP, as JSON; NULL: there is none. After the list. */
const lab_buf *lab_page_ground_hint(lab_page_ground *g, int step, int n);

typedef struct lab_page_sums {
  const char *json;    /* as /lab/progress says it; LEN bytes */
  size_t len;          /* 0: nothing is kept, or */
  const char *problem; /* why it can't be read, or NULL */
} lab_page_sums;

lab_page_sums lab_page_ground_sums(lab_page_ground *g);

#endif
