/* SPDX-License-Identifier: MIT
 * What the kernel knows about this process: memory, descriptors, time.
 *
 * /proc/self/stat is opened once and kept, so that the numbers can be had when
 * the process is out of descriptors, too: that is when they are wanted most.
 *
 * Threads: any, but open, which comes first. */
#ifndef LAB_BASE_PROCESS_H
#define LAB_BASE_PROCESS_H

#include <stddef.h>
#include <stdint.h>

typedef struct lab_process {
  uint64_t cpu_ns;   /* all threads, user and system */
  uint64_t start_ns; /* when it started, since 1970 */
  uint64_t rss, virtual_bytes;
  uint64_t threads;
  uint64_t fds, max_fds;      /* open; the soft limit */
  uint64_t max_virtual_bytes; /* UINT64_MAX: no limit */
} lab_process;

/* Opens what is read later. 0 or negative errno: then rss, virtual_bytes,
 * threads and start_ns will be 0. Again: does nothing. */
int lab_process_open(void);
/* Reads all of it: some 50 us and 1 us per descriptor, so not on a thread that
 * must answer at once. */
void lab_process_read(lab_process *p);

#endif
