/* SPDX-License-Identifier: MIT
 * See reader.h. */
#include "prim/reader.h"

#include <errno.h>
#include <sys/random.h>

ssize_t lab_random_read(lab_reader *self, void *out, size_t n) {
  (void)self;
  ssize_t got = getrandom(out, n, 0);
  return got < 0 ? -errno : got;
}

lab_reader lab_random_reader = {lab_random_read};
