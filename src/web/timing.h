/* SPDX-License-Identifier: MIT
 * Where the time of a profile's request has gone, for its header Server-Timing:
 * a browser's tools show it beside the request.
 *
 *   lab_timing_begin(&t);
 *   ... samples are taken for the seconds that were asked for ...
 *   lab_timing_end(&t, LAB_TIMING_RECORD);
 *   ... the snapshot is taken ...
 *   lab_timing_end(&t, LAB_TIMING_COLLECT);
 *   ...
 *   lab_timing_write(&t, headers);
 *
 * Each moment belongs to one part, so the parts add up to the whole.
 *
 * Threads: one at a time. */
#ifndef LAB_WEB_TIMING_H
#define LAB_WEB_TIMING_H

#include <stdint.h>

#include "base/buf.h"

typedef enum lab_timing_part {
  LAB_TIMING_RECORD,  /* it was recorded; or the two snapshots of a difference
                         were apart */
  LAB_TIMING_COLLECT, /* garbage was collected, snapshots were taken, with the
                         waiting for who takes them */
  LAB_TIMING_QUEUE,   /* it waited for a thread that writes it, and for the loop
                       */
  LAB_TIMING_ENCODE,  /* it was written */
  LAB_TIMING_PARTS,
} lab_timing_part;

typedef struct lab_timing {
  uint64_t at; /* ns, monotonic: what comes now belongs to the next part */
  uint64_t ns[LAB_TIMING_PARTS];
} lab_timing;

void lab_timing_begin(lab_timing *t);
/* The time since the last call was part of PART. */
void lab_timing_end(lab_timing *t, lab_timing_part part);
/* Appends a line such as "Server-Timing: collect;dur=1.25, encode;dur=0.5", in
 * milliseconds, with the parts that there were. The time since the last call
 * was QUEUE. */
void lab_timing_write(lab_timing *t, lab_buf *headers);

#endif
