/* SPDX-License-Identifier: MIT
 * The profile threadcreate: the native threads of the process, each at the
 * stack that started it. Of libraries' threads only the name is known, and the
 * first one was started by nobody.
 *
 * Threads: any; never a signal handler. */
#ifndef LAB_PROF_THREADS_H
#define LAB_PROF_THREADS_H

#include <stddef.h>
#include <stdint.h>

/* The observer's part (base/thread.h): the stack that starts a thread now. */
uint32_t lab_threads_creating(void);

/* How many there are. */
size_t lab_threads_count(void);

#endif
