/* SPDX-License-Identifier: MIT
 * A mutex that is waited for until a time on the monotonic clock, so that
 * nobody who sets the wall clock makes the wait longer or shorter.
 *
 * Threads: any. Signal handlers: never. */
#ifndef LAB_BASE_TIMED_LOCK_H
#define LAB_BASE_TIMED_LOCK_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

/* Locks *LOCK. False: another thread still had it at the time UNTIL, in ns as
 * lab_clock_mono says it. */
bool lab_lock_until(pthread_mutex_t *lock, uint64_t until);

#endif
