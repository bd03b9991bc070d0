/* SPDX-License-Identifier: MIT
 * See clock.h. */
#include "base/clock.h"

#include <stdio.h>
#include <time.h>

static uint64_t read_clock(clockid_t id) {
  struct timespec t;
  clock_gettime(id, &t);
  return (uint64_t)t.tv_sec * LAB_SECOND + (uint64_t)t.tv_nsec;
}

uint64_t lab_clock_mono(void) {
  return read_clock(CLOCK_MONOTONIC);
}

uint64_t lab_clock_real(void) {
  return read_clock(CLOCK_REALTIME);
}

uint64_t lab_clock_thread_cpu(void) {
  return read_clock(CLOCK_THREAD_CPUTIME_ID);
}

uint64_t lab_clock_process_cpu(void) {
  return read_clock(CLOCK_PROCESS_CPUTIME_ID);
}

/* VALUE / UNIT with the fraction's final zeros cut off. */
static int decimal(char *out, size_t size, uint64_t value, uint64_t unit,
                   const char *name) {
  int digits = 0;
  for (uint64_t u = unit; u > 1; u /= 10)
    digits++;
  uint64_t fraction = value % unit;
  while (digits > 0 && fraction % 10 == 0) {
    fraction /= 10;
    digits--;
  }
  if (digits == 0)
    return snprintf(out, size, "%llu%s", (unsigned long long)(value / unit),
                    name);
  return snprintf(out, size, "%llu.%0*llu%s",
                  (unsigned long long)(value / unit), digits,
                  (unsigned long long)fraction, name);
}

size_t lab_clock_format(char out[LAB_DURATION_MAX], uint64_t ns) {
  size_t size = LAB_DURATION_MAX;
  if (ns == 0)
    return (size_t)snprintf(out, size, "0s");
  if (ns < 1000)
    return (size_t)decimal(out, size, ns, 1, "ns");
  if (ns < LAB_MILLISECOND)
    return (size_t)decimal(out, size, ns, 1000, "\xc2\xb5s");
  if (ns < LAB_SECOND)
    return (size_t)decimal(out, size, ns, LAB_MILLISECOND, "ms");
  uint64_t minutes = ns / (60 * LAB_SECOND);
  int n = 0;
  if (minutes >= 60)
    n = snprintf(out, size, "%lluh", (unsigned long long)(minutes / 60));
  if (minutes > 0)
    n += snprintf(out + n, size - (size_t)n, "%llum",
                  (unsigned long long)(minutes % 60));
  n += decimal(out + n, size - (size_t)n, ns % (60 * LAB_SECOND), LAB_SECOND,
               "s");
  return (size_t)n;
}
