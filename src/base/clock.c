/* SPDX-License-Identifier: MIT
 * See clock.h. */
#include "base/clock.h"

#include <string.h>

uint64_t lab_clock_read(clockid_t clock) {
  struct timespec t;
  if (clock_gettime(clock, &t))
    return 0;
  return (uint64_t)t.tv_sec * LAB_SECOND + (uint64_t)t.tv_nsec;
}

uint64_t lab_clock_mono(void) {
  return lab_clock_read(CLOCK_MONOTONIC);
}

uint64_t lab_clock_real(void) {
  return lab_clock_read(CLOCK_REALTIME);
}

uint64_t lab_clock_thread_cpu(void) {
  return lab_clock_read(CLOCK_THREAD_CPUTIME_ID);
}

uint64_t lab_clock_process_cpu(void) {
  return lab_clock_read(CLOCK_PROCESS_CPUTIME_ID);
}

/* Writes the digits of VALUE, at least WIDTH of them; returns how many. */
static size_t write_digits(char *out, uint64_t value, size_t width) {
  char reversed[20];
  size_t n = 0;
  do
    reversed[n++] = (char)('0' + value % 10);
  while ((value /= 10) > 0 || n < width);
  for (size_t i = 0; i < n; i++)
    out[i] = reversed[n - 1 - i];
  return n;
}

/* Writes VALUE / UNIT, the fraction without its final zeros, and the unit's
 * NAME. It doesn't use printf because the log line of every request has a
 * duration, and this is faster. */
static size_t write_decimal(char *out, uint64_t value, uint64_t unit,
                            const char *name) {
  size_t width = 0, n = write_digits(out, value / unit, 1);
  for (uint64_t u = unit; u > 1; u /= 10)
    width++;
  uint64_t fraction = value % unit;
  for (; width > 0 && fraction % 10 == 0; width--)
    fraction /= 10;
  if (width > 0) {
    out[n++] = '.';
    n += write_digits(out + n, fraction, width);
  }
  size_t len = strlen(name);
  memcpy(out + n, name, len + 1);
  return n + len;
}

size_t lab_clock_format(char out[LAB_DURATION_MAX], uint64_t ns) {
  if (ns == 0)
    return write_decimal(out, 0, 1, "s");
  if (ns < 1000)
    return write_decimal(out, ns, 1, "ns");
  if (ns < LAB_MILLISECOND)
    return write_decimal(out, ns, 1000, "\xc2\xb5s");
  if (ns < LAB_SECOND)
    return write_decimal(out, ns, LAB_MILLISECOND, "ms");
  uint64_t minutes = ns / (60 * LAB_SECOND);
  size_t n = 0;
  if (minutes >= 60)
    n = write_decimal(out, minutes / 60, 1, "h");
  if (minutes > 0)
    n += write_decimal(out + n, minutes % 60, 1, "m");
  return n + write_decimal(out + n, ns % (60 * LAB_SECOND), LAB_SECOND, "s");
}
