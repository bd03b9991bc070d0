/* SPDX-License-Identifier: MIT
 * Clocks in nanoseconds, and durations as Go prints them.
 * All functions are thread-safe; the clocks are async-signal-safe too. */
#ifndef LAB_BASE_CLOCK_H
#define LAB_BASE_CLOCK_H

#include <stddef.h>
#include <stdint.h>
#include <time.h>

#define LAB_SECOND 1000000000ull
#define LAB_MILLISECOND 1000000ull

/* CLOCK_MONOTONIC: for intervals. */
uint64_t lab_clock_mono(void);
/* CLOCK_REALTIME: for time stamps, ns since 1970. */
uint64_t lab_clock_real(void);
/* CPU time of the calling thread, and of the process. */
uint64_t lab_clock_thread_cpu(void);
uint64_t lab_clock_process_cpu(void);
/* Any clock. 0 if it can't be read, for example because the thread whose CPU
 * time it is has ended. */
uint64_t lab_clock_read(clockid_t clock);

enum { LAB_UTC_TEXT = 21 }; /* "2026-11-28T22:15:10Z", and the final 0 */

/* NS since 1970 as RFC 3339 writes it: in UTC, without parts of a second. */
void lab_clock_write_utc(char out[LAB_UTC_TEXT], uint64_t ns);

/* Enough for any duration that lab_clock_format writes. */
#define LAB_DURATION_MAX 32

/* NS as Go's time.Duration prints it: 0s, 14µs, 742.278017ms, 1m2.5s. Writes
 * at most LAB_DURATION_MAX bytes with the final 0; returns the length. */
size_t lab_clock_format(char out[LAB_DURATION_MAX], uint64_t ns);

#endif
