/* SPDX-License-Identifier: MIT
 * A library for LD_PRELOAD: C code that isn't the lab's or Lua's and can't be
 * interrupted. Where the program calls memmem for "stuck N", which is what
 * ("x"):find("stuck N", 1, true) does, it uses the processor for N seconds. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

static void burn_seconds(double seconds) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  double end = (double)t.tv_sec + (double)t.tv_nsec * 1e-9 + seconds;
  do
    clock_gettime(CLOCK_MONOTONIC, &t);
  while ((double)t.tv_sec + (double)t.tv_nsec * 1e-9 < end);
}

void *memmem(const void *text, size_t len, const void *word, size_t wordlen) {
  static const char magic[] = "stuck ";
  const char *at = text;
  if (wordlen >= sizeof magic && memcmp(word, magic, sizeof magic - 1) == 0)
    burn_seconds(atof((const char *)word + sizeof magic - 1));
  for (; len >= wordlen; at++, len--)
    if (memcmp(at, word, wordlen) == 0)
      return (void *)(size_t)at;
  return NULL;
}
