/* SPDX-License-Identifier: MIT
 * A library for LD_PRELOAD: C code that isn't the lab's or Lua's and can't be
 * interrupted. Where the program calls memmem for "stuck N", which is what
 * ("x"):find("stuck N", 1, true) does, it stays for N seconds. It uses the
 * processor for one second of CPU time, as the lab looks at that, and then for
 * a quarter of the time, so that other tests get the rest. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

static double read_clock(clockid_t clock) {
  struct timespec t;
  clock_gettime(clock, &t);
  return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static double read_time(void) {
  return read_clock(CLOCK_MONOTONIC);
}

static double read_cpu(void) {
  return read_clock(CLOCK_THREAD_CPUTIME_ID);
}

static void stay_for(double seconds) {
  const struct timespec pause = {0, 3000000};
  double end = read_time() + seconds, enough = read_cpu() + 1;
  while (read_time() < end && read_cpu() < enough)
    ;
  while (read_time() < end) {
    double turn = read_time() + 0.001;
    while (read_time() < turn)
      ;
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
