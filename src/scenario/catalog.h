/* SPDX-License-Identifier: MIT
 * The list of steps, and their hints: lua/catalog.lua makes the texts.
 *
 * Threads: any. It reads and runs files, so it may take some tenths of a second
 * for each. */
#ifndef LAB_SCENARIO_CATALOG_H
#define LAB_SCENARIO_CATALOG_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

typedef struct lab_catalog_question {
  const char *const *dirs; /* with scenarios, in order of preference */
  size_t ndirs;
  int step;  /* the present one, -1 if there is none */
  int hint;  /* 0: the list; N: that hint for the present step */
  bool json; /* else text */
} lab_catalog_question;

/* Appends the answer to OUT, and returns its status for HTTP: 200, 404 (there
 * is no such hint), 500. */
int lab_catalog_answer(const lab_catalog_question *q, lab_buf *out);

#endif
