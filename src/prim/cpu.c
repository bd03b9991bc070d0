/* SPDX-License-Identifier: MIT
 * See cpu.h. The arithmetic is inlined into the two
 * functions, so that a profile shows lab_burn and lab_spin as leaves.
 *
 * Reading a thread's CPU clock is a system call of some 0.5 us: once in 40 us
 * of arithmetic it costs about 1 %, and the end is noticed at most that late.
 */
#include "prim/cpu.h"

#include <stdint.h>

#include "base/clock.h"
#include "base/hash.h"
#include "task/worker.h"

enum { STEPS = 12000 }; /* of 3.5 ns or so */

static inline __attribute__((always_inline)) uint64_t
do_arithmetic(uint64_t x) {
  for (int i = 0; i < STEPS; i++) {
    x = lab_hash_u64(x + (uint64_t)i);
    __asm__ volatile("" : "+r"(x)); /* or the compiler sees that it is unused */
  }
  return x;
}

static double seconds_since(uint64_t began) {
  return (double)(lab_clock_thread_cpu() - began) / (double)LAB_SECOND;
}

double lab_burn(double seconds) {
  uint64_t began = lab_clock_thread_cpu(), x = began;
  double used = 0;
  while (used < seconds && !lab_job_cancelled()) {
    x = do_arithmetic(x);
    used = seconds_since(began);
  }
  return used;
}

double lab_spin(double seconds, const atomic_bool *stop) {
  uint64_t began = lab_clock_thread_cpu(), x = began;
  double used = 0;
  while (used < seconds && !atomic_load_explicit(stop, memory_order_relaxed)) {
    x = do_arithmetic(x);
    used = seconds_since(began);
  }
  return used;
}
