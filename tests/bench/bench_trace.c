/* SPDX-License-Identifier: MIT
 * What an event of an execution trace costs: "off" is the caller's branch, "on"
 * is writing it (a start or a yield, half and half), its time read from the
 * clock. Prints ns off, ns on, and bytes per event. */
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/err.h"
#include "trace/trace.h"

enum { CALLS = 200000000, EVENTS = 1000000, ROUNDS = 5 };

static double least(double a, double b) {
  return a < b ? a : b;
}

static __attribute__((noinline)) double time_off(bool with) {
  uint64_t began = lab_clock_mono();
  for (unsigned i = 0; i < CALLS; i++) {
    if (with && lab_trace_on())
      abort();
    __asm__ volatile("" ::: "memory");
  }
  return (double)(lab_clock_mono() - began) / CALLS;
}

/* What is full is thrown away, as a quick reader would take it. */
static uint64_t drop(void) {
  lab_buf piece = LAB_BUF_INIT;
  uint64_t bytes = 0;
  while (lab_trace_take(&piece, true)) {
    bytes += piece.len;
    lab_buf_clear(&piece);
  }
  lab_buf_free(&piece);
  return bytes;
}

static double time_on(double *bytes) {
  lab_trace_config config = {.max_events = 10 * EVENTS, .workers = 2};
  lab_trace_g g = {.id = 1};
  uint64_t size = 0, took = 0;
  LAB_ASSERT(lab_trace_open(&config) == 0);
  lab_trace_go_create(&g, 1, 0, 0);
  lab_trace_start(0);
  for (unsigned i = 0; i < EVENTS / 2; i += 10000) {
    uint64_t began = lab_clock_mono();
    for (unsigned j = 0; j < 10000; j++) {
      if (lab_trace_on())
        lab_trace_go_start(&g, 0);
      if (lab_trace_on())
        lab_trace_go_yield(&g, false, 1 + j % 1000, 0);
    }
    took += lab_clock_mono() - began;
    size += drop();
  }
  lab_trace_close();
  *bytes = (double)size / EVENTS;
  return (double)took / EVENTS;
}

int main(void) {
  double off = 1e9, on = 1e9, bytes = 0;
  for (int i = 0; i < ROUNDS; i++) {
    double loop = time_off(false);
    off = least(off, time_off(true) - loop);
    on = least(on, time_on(&bytes));
  }
  printf("%.2f %.1f %.1f\n", off > 0 ? off : 0, on, bytes);
  return 0;
}
