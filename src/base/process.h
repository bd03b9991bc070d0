/* SPDX-License-Identifier: MIT
 * What the kernel knows about this process: memory, descriptors, time.
 *
 * /proc/self/stat and io are opened once and kept open, so the numbers can
 * still be read when the process has no free descriptor. That is when they are
 * needed most.
 *
 * Threads: any, after lab_process_open has returned. Signal handlers: never. */
#ifndef LAB_BASE_PROCESS_H
#define LAB_BASE_PROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/proc_text.h"

typedef struct lab_process {
  uint64_t cpu_ns;             /* all threads, user and system */
  uint64_t user_ns, system_ns; /* its two parts, as the kernel divides it */
  /* Pages that were touched and not there: the kernel had them at hand, or
   * fetched them from a disk. */
  uint64_t minor_faults, major_faults;
  lab_proc_io io;    /* all 0: the kernel doesn't say */
  uint64_t start_ns; /* when it started, since 1970, by the clock of the time
                        of lab_process_open */
  uint64_t age_ns;   /* since it started, whoever sets the clock */
  uint64_t rss, virtual_bytes;
  uint64_t threads;
  uint64_t fds, max_fds;      /* open; the soft limit */
  uint64_t max_virtual_bytes; /* UINT64_MAX: no limit */
} lab_process;

/* Opens what is read later. 0 or negative errno: then rss, virtual_bytes,
 * threads, start_ns and age_ns will be 0. A second call does nothing. */
int lab_process_open(void);
/* Reads all of it. That takes about 50 us, and 1 us for each descriptor, so
 * don't call it on a thread that must answer at once. */
void lab_process_read(lab_process *p);

/* For how long, in ns, the threads that the process PID has now have been ready
 * to run without a processor: other programs had them. 0: this process.
 * Negative: the kernel doesn't say. It takes some 10 us for each thread. */
int64_t lab_process_waited(pid_t pid);
/* Whether thread TID of this process sleeps: it neither runs nor waits for a
 * processor. True also if that can't be read. It takes some 10 us. */
bool lab_process_is_asleep(pid_t tid);

/* Raises the soft limit of descriptors to the hard one, but not above 65,536.
 * A child made by fork has the soft limit from before again: a program that
 * uses select, or closes all descriptors up to the limit, expects the usual
 * number. Call it once, at the beginning, before there are threads. */
void lab_process_raise_fds(void);
/* In a child that has not called exec yet: gives it that soft limit. For those
 * who start children without fork. Async-signal-safe; errno stays. */
void lab_process_restore_fds(void);

#endif
