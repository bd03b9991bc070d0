/* SPDX-License-Identifier: MIT
 * Primitives that use the processor. Seconds are thread CPU time: a burn of 1 s
 * takes 1 s of CPU however busy the machine is. Both end early when
 * lab_job_cancelled() (burn, on a worker) or *STOP (spin, on the VM's thread)
 * becomes true. */
#ifndef LAB_PRIM_CPU_H
#define LAB_PRIM_CPU_H

#include <stdatomic.h>
#include <stdbool.h>

/* Arithmetic for SECONDS (none if they are <= 0 or not a number); returns the
 * CPU seconds used, at most some 0.1 ms more than asked for. Not inlined:
 * profiles show them by name. Any thread. */
__attribute__((noinline)) double lab_burn(double seconds);
__attribute__((noinline)) double lab_spin(double seconds,
                                          const atomic_bool *stop);

#endif
