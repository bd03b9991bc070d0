/* SPDX-License-Identifier: MIT
 * The profile threadcreate: the native threads of the process, each at the
 * stack that started it. Of libraries' threads only the name is known; the
 * first thread is shown as [main].
 *
 * Threads: any; never a signal handler. */
#ifndef LAB_PROF_THREADS_H
#define LAB_PROF_THREADS_H

#include <stdint.h>

/* For lab_thread_observe (base/thread.h): the calling thread's stack, which is
 * about to start a thread. */
uint32_t lab_threads_creating(void);

/* Registers threadcreate. */
void lab_registry_add_threads(void);

#endif
