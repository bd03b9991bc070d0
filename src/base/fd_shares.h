/* SPDX-License-Identifier: MIT
 * Who may have which of the process's descriptors.
 *
 * The kernel always gives the lowest free number. So a number that is close to
 * the process's limit shows that nearly all are in use, and who gets one may
 * have to give it back. The order in which they are told so:
 *
 *   clients    connections; further ones only while others give way
 *   steps      what scenarios open
 *   requests   connections; further ones are for the lab's own requests only,
 *              of which a few follow
 *   observers  what can be done without: timers of the CPU profile
 *   the rest   files that the lab reads for itself, as those of scenarios
 *
 * Threads: any. */
#ifndef LAB_BASE_FD_SHARES_H
#define LAB_BASE_FD_SHARES_H

#include <sys/resource.h>

/* The first number that each of them may not have. RLIM_INFINITY: no number is
 * too large. */
typedef struct lab_fd_shares {
  rlim_t clients, steps, requests, observers;
} lab_fd_shares;

lab_fd_shares lab_fd_shares_now(void);
/* The same for a process that may have ALL descriptors. */
lab_fd_shares lab_fd_shares_of(rlim_t all);

#endif
