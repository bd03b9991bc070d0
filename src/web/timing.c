/* SPDX-License-Identifier: MIT
 * See timing.h. */
#include "web/timing.h"

#include "base/clock.h"

void lab_timing_begin(lab_timing *t) {
  *t = (lab_timing){.at = lab_clock_mono()};
}

void lab_timing_end(lab_timing *t, lab_timing_part part) {
  uint64_t now = lab_clock_mono();
  t->ns[part] += now - t->at;
  t->at = now;
}

void lab_timing_write(lab_timing *t, lab_buf *headers) {
  static const char *const names[LAB_TIMING_PARTS] = {"record", "collect",
                                                      "queue", "encode"};
  const char *before = "Server-Timing: ";
  lab_timing_end(t, LAB_TIMING_QUEUE);
  for (size_t i = 0; i < LAB_TIMING_PARTS; i++) {
    if (t->ns[i] == 0)
      continue;
    lab_buf_printf(headers, "%s%s;dur=%.3f", before, names[i],
                   (double)t->ns[i] / 1e6);
    before = ", ";
  }
  lab_buf_puts(headers, "\r\n");
}
