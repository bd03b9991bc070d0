/* SPDX-License-Identifier: MIT
 * For LD_PRELOAD: while the file that CLOCK_SHIFT names is there, the time of
 * day is another one, by as many seconds as the file says. */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static long read_shift(void) {
  const char *path = getenv("CLOCK_SHIFT");
  FILE *f = path ? fopen(path, "re") : NULL;
  long shift = 0;
  if (f && fscanf(f, "%ld", &shift) != 1)
    shift = 0;
  if (f)
    fclose(f);
  return shift;
}

int clock_gettime(clockid_t clock, struct timespec *out) {
  int rc = (int)syscall(SYS_clock_gettime, clock, out);
  if (rc == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE))
    out->tv_sec += read_shift();
  return rc;
}
