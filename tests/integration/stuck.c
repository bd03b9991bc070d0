/* SPDX-License-Identifier: MIT
 * A library for LD_PRELOAD: C code that isn't the lab's or Lua's and can't be
 * interrupted. Where the program calls memmem for "stuck N", which is what
 * ("x"):find("stuck N", 1, true) does, it stays for N seconds. It uses the
 * processor for the first of them, as the lab looks at that, and then for a
 * quarter of the time, so that other tests get the rest. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

static double read_clock(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void burn_until(double end) {
  while (read_clock() < end)
    ;
}

static void stay_for(double seconds) {
  const struct timespec pause = {0, 3000000};
  double end = read_clock() + seconds;
  burn_until(seconds < 1 ? end : end - seconds + 1);
  while (read_clock() < end) {
    burn_until(read_clock() + 0.001);
    nanosleep(&pause, NULL);
  }
}

void *memmem(const void *text, size_t len, const void *word, size_t wordlen) {
  static const char magic[] = "stuck ";
  const char *at = text;
  if (wordlen >= sizeof magic && memcmp(word, magic, sizeof magic - 1) == 0)
    stay_for(atof((const char *)word + sizeof magic - 1));
  for (; len >= wordlen; at++, len--)
    if (memcmp(at, word, wordlen) == 0)
      return (void *)(size_t)at;
  return NULL;
}
