/* SPDX-License-Identifier: MIT
 * Names for a unit test's files and folders. They go to $TMPDIR, which the
 * keeper removes when the test has ended, however it ends. */
#ifndef LAB_TESTS_TEMP_NAME_H
#define LAB_TESTS_TEMP_NAME_H

#include <stdio.h>
#include <stdlib.h>

enum { TEMP_NAME = 64 };

/* Writes a template for mkstemp or mkdtemp to OUT, which has TEMP_NAME bytes;
 * returns OUT. */
static inline char *write_temp_name(char *out, const char *name) {
  const char *dir = getenv("TMPDIR");
  snprintf(out, TEMP_NAME, "%s/%s-XXXXXX", dir && *dir ? dir : "/tmp", name);
  return out;
}

#endif
