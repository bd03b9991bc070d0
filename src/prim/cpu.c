/* SPDX-License-Identifier: MIT
 * Using the processor: see cpu.h. The arithmetic is in the two functions
 * themselves, so that a profile shows lab_burn and lab_spin as leaves. */
#include "prim/cpu.h"

#include "base/clock.h"
#include "prim/buffer.h"
#include "task/worker.h"

/* Some 30 us of arithmetic between two looks at the clock. */
static inline double some_arithmetic(double x) {
  for (int i = 0; i < 20000; i++) {
    x = x * 1.0000001 + 0.5;
    __asm__ volatile("" : "+x"(x)); /* keeps the loop */
  }
  return x > 1e300 ? 1 : x;
}

LAB_NOINLINE double lab_burn(double seconds) {
  uint64_t began = lab_clock_thread_cpu(), used = 0;
  double x = 1;
  while ((double)used < seconds * 1e9 && !lab_job_cancelled()) {
    x = some_arithmetic(x);
    used = lab_clock_thread_cpu() - began;
  }
  return (double)used / 1e9;
}

LAB_NOINLINE double lab_spin(double seconds, const atomic_bool *stop) {
  uint64_t began = lab_clock_thread_cpu(), used = 0;
  double x = 1;
  while ((double)used < seconds * 1e9 &&
         !atomic_load_explicit(stop, memory_order_relaxed)) {
    x = some_arithmetic(x);
    used = lab_clock_thread_cpu() - began;
  }
  return (double)used / 1e9;
}
