/* SPDX-License-Identifier: MIT
 * See numbers.h. */
#include "page/numbers.h"

#include "base/clock.h"
#include "base/process.h"
#include "mem/memstats.h"
#include "prof/attempt.h"
#include "script/status.h"
#include "web/application.h"
#include "web/page.h"

static const char *const names[LAB_NUMBERS] = {
    [LAB_NUMBER_RSS] = "rss",
    [LAB_NUMBER_HEAP_INUSE] = "heap_inuse",
    [LAB_NUMBER_HEAP_IDLE] = "heap_idle",
    [LAB_NUMBER_HEAP_RELEASED] = "heap_released",
    [LAB_NUMBER_CPU] = "cpu",
    [LAB_NUMBER_RUNNING] = "running",
    [LAB_NUMBER_RUNNABLE] = "runnable",
    [LAB_NUMBER_WAITING] = "waiting",
    [LAB_NUMBER_FDS] = "fds",
    [LAB_NUMBER_IN_FLIGHT] = "in_flight",
    [LAB_NUMBER_QUEUED] = "queued",
    [LAB_NUMBER_REQUESTS] = "requests",
    [LAB_NUMBER_GC] = "gc",
    [LAB_NUMBER_CAPTURES] = "captures",
};

/* A growth is only told of so much time: in less, one event is a high rate. */
static const double RATE_SECONDS = 0.5;

static bool is_growing(lab_number k) {
  return k == LAB_NUMBER_CPU || k == LAB_NUMBER_REQUESTS || k == LAB_NUMBER_GC;
}

/* ---- measuring ----------------------------------------------------------- */

void lab_numbers_begin(lab_numbers *n, lab_vm *vm, lab_web *web) {
  lab_vm_status status;
  lab_vm_read_status(vm, &status);
  n->at = lab_clock_real();
  n->at_mono = lab_clock_mono();
  n->step = status.step.number;
  n->values[LAB_NUMBER_RUNNING] = (double)status.running;
  n->values[LAB_NUMBER_RUNNABLE] = (double)status.runnable;
  n->values[LAB_NUMBER_WAITING] =
      (double)(status.tasks - status.running - status.runnable);
  n->values[LAB_NUMBER_QUEUED] = (double)status.queued;
  n->values[LAB_NUMBER_IN_FLIGHT] = lab_web_in_flight(web);
  n->values[LAB_NUMBER_REQUESTS] = (double)lab_web_answered(web);
  n->values[LAB_NUMBER_CAPTURES] =
      (double)lab_captures_of(lab_web_captures_kept(web), lab_attempt_now().id);
  lab_vm_status_free(&status);
}

void lab_numbers_complete(lab_numbers *n) {
  lab_process process;
  lab_memstats memory;
  lab_process_read(&process);
  lab_memstats_read(&memory);
  n->values[LAB_NUMBER_RSS] = (double)process.rss;
  n->values[LAB_NUMBER_CPU] = (double)(process.cpu_ns / 1000) / 1e6;
  n->values[LAB_NUMBER_FDS] = (double)process.fds;
  n->values[LAB_NUMBER_HEAP_INUSE] = (double)memory.heap_inuse;
  n->values[LAB_NUMBER_HEAP_IDLE] = (double)memory.heap_idle;
  n->values[LAB_NUMBER_HEAP_RELEASED] = (double)memory.heap_released;
  n->values[LAB_NUMBER_GC] = memory.num_gc;
}

/* ---- writing ------------------------------------------------------------- */

static void write_number(const lab_numbers *n, lab_number k, lab_json *j) {
  lab_json_key(j, names[k]);
  lab_json_double(j, n->values[k]);
}

void lab_numbers_write(const lab_numbers *n, lab_json *j) {
  lab_json_begin_object(j, LAB_JSON_COMPACT);
  lab_json_key(j, "at");
  lab_json_decimal(j, n->at / LAB_MILLISECOND, 3);
  lab_json_key(j, "step");
  lab_json_int(j, n->step);
  for (lab_number k = 0; k < LAB_NUMBER_RUNNING; k++)
    write_number(n, k, j);
  lab_json_key(j, "tasks");
  lab_json_begin_object(j, LAB_JSON_COMPACT);
  for (lab_number k = LAB_NUMBER_RUNNING; k <= LAB_NUMBER_WAITING; k++)
    write_number(n, k, j);
  lab_json_end(j);
  for (lab_number k = LAB_NUMBER_FDS; k < LAB_NUMBERS; k++)
    write_number(n, k, j);
  lab_json_end(j);
}

/* ---- the baseline -------------------------------------------------------- */

static void widen_bounds(lab_baseline *b, lab_number k, double value) {
  if (!b->seen[k] || value < b->least[k])
    b->least[k] = value;
  if (!b->seen[k] || value > b->greatest[k])
    b->greatest[k] = value;
  b->seen[k] = true;
}

void lab_baseline_add(lab_baseline *b, const lab_numbers *n, bool follows) {
  double seconds = (double)(n->at_mono - b->last.at_mono) / 1e9;
  bool has_rate = follows && b->last.at > 0 && seconds >= RATE_SECONDS;
  for (lab_number k = 0; k < LAB_NUMBERS; k++) {
    if (!is_growing(k))
      widen_bounds(b, k, n->values[k]);
    else if (has_rate)
      widen_bounds(b, k, (n->values[k] - b->last.values[k]) / seconds);
  }
  b->last = *n;
}

/* Three digits behind the point are enough to draw a band. */
static void write_baseline_bound(double value, lab_json *j) {
  lab_json_double(j, (double)(int64_t)(value * 1000 + 0.5) / 1000);
}

void lab_baseline_write(const lab_baseline *b, lab_json *j) {
  lab_json_begin_object(j, LAB_JSON_COMPACT);
  for (lab_number k = 0; k < LAB_NUMBERS; k++) {
    if (!b->seen[k])
      continue;
    lab_json_key(j, names[k]);
    lab_json_begin_array(j, LAB_JSON_COMPACT);
    write_baseline_bound(b->least[k], j);
    write_baseline_bound(b->greatest[k], j);
    lab_json_end(j);
  }
  lab_json_end(j);
}
