/* SPDX-License-Identifier: MIT
 * The list of steps, and their hints: lua/catalog.lua makes the texts.
 *
 * Threads: any. The first answer takes some milliseconds for each scenario, and
 * some tenths of a second for one that doesn't come to an end (folders.h). */
#ifndef LAB_SCENARIO_CATALOG_H
#define LAB_SCENARIO_CATALOG_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

typedef struct lab_catalog_question {
  const char *const *dirs; /* with scenarios, in order of preference */
  size_t ndirs;
  int step;      /* the present one, -1 if there is none */
  int hint;      /* 0: the list; N: that hint for the present step */
  bool json;     /* else text */
  bool no_hints; /* the list says that there are none */
  size_t broken; /* is set: of the list, how many steps can't be selected */
} lab_catalog_question;

/* Appends the answer to OUT, and returns its status for HTTP: 200, 404 (there
 * is no such hint), 500, 503 (descriptors or memory are short). */
int lab_catalog_answer(lab_catalog_question *q, lab_buf *out);

#endif
