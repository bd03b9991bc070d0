/* SPDX-License-Identifier: MIT
 * See timed_lock.h. */
#include "base/timed_lock.h"

#include <time.h>

#include "base/clock.h"

static struct timespec to_timespec(uint64_t ns) {
  return (struct timespec){(time_t)(ns / LAB_SECOND), (long)(ns % LAB_SECOND)};
}

/* GCC's ThreadSanitizer doesn't see pthread_mutex_clocklock, and takes the
 * unlocking for a fault: in that build it is the wall clock. */
bool lab_lock_until(pthread_mutex_t *lock, uint64_t until) {
#ifdef __SANITIZE_THREAD__
  uint64_t now = lab_clock_mono();
  uint64_t left = until > now ? until - now : 0;
  struct timespec t = to_timespec(lab_clock_real() + left);
  return pthread_mutex_timedlock(lock, &t) == 0;
#else
  struct timespec t = to_timespec(until);
  return pthread_mutex_clocklock(lock, CLOCK_MONOTONIC, &t) == 0;
#endif
}
