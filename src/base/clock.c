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

void lab_clock_write_utc(char out[LAB_UTC_TEXT], uint64_t ns) {
  struct tm tm;
  time_t seconds = (time_t)(ns / LAB_SECOND);
  gmtime_r(&seconds, &tm);
  strftime(out, LAB_UTC_TEXT, "%Y-%m-%dT%H:%M:%SZ", &tm);
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

/* Writes the last WIDTH digits of VALUE. */
static void fill_digits(char *out, uint64_t value, size_t width) {
  for (; width > 0; value /= 10)
    out[--width] = (char)('0' + value % 10);
}

static size_t count_digits(uint64_t value) {
  size_t n = 1;
  while (value >= 10) {
    value /= 10;
    n++;
  }
  return n;
}

/* Writes WHOLE, and FRACTION, which has WIDTH digits, without its final zeros;
 * then the unit's NAME. It doesn't use printf because the log line of every
 * request has a duration, and this is faster. */
static size_t write_decimal(char *out, uint64_t whole, uint64_t fraction,
                            size_t width, const char *name) {
  size_t n = count_digits(whole), len = strlen(name);
  fill_digits(out, whole, n);
  if (fraction > 0) {
    out[n] = '.';
    fill_digits(out + n + 1, fraction, width);
    n += 1 + width;
    while (out[n - 1] == '0')
      n--;
  }
  memcpy(out + n, name, len + 1);
  return n + len;
}

size_t lab_clock_format(char out[LAB_DURATION_MAX], uint64_t ns) {
  if (ns == 0)
    return write_decimal(out, 0, 0, 0, "s");
  if (ns < 1000)
    return write_decimal(out, ns, 0, 0, "ns");
  if (ns < LAB_MILLISECOND)
    return write_decimal(out, ns / 1000, ns % 1000, 3, "\xc2\xb5s");
  if (ns < LAB_SECOND)
    return write_decimal(out, ns / LAB_MILLISECOND, ns % LAB_MILLISECOND, 6,
                         "ms");
  uint64_t minutes = ns / (60 * LAB_SECOND);
  size_t n = 0;
  if (minutes >= 60)
    n = write_decimal(out, minutes / 60, 0, 0, "h");
  if (minutes > 0)
    n += write_decimal(out + n, minutes % 60, 0, 0, "m");
  ns %= 60 * LAB_SECOND;
  return n + write_decimal(out + n, ns / LAB_SECOND, ns % LAB_SECOND, 9, "s");
}
