/* SPDX-License-Identifier: MIT
 * Makes a recording of a trace by any sequence of calls, and reads it back:
 * trace_check.h says what is checked. */
#include "trace_check.h"

enum { TASKS = 8 };

/* ---- the calls ----------------------------------------------------------- */

static lab_trace_g tasks[TASKS];
static uint64_t next_id, next_user_task, base;

static uint64_t heap_size(void) {
  return 1000000;
}

static uint64_t pick_time(fuzz_input *in) {
  unsigned n = fuzz_byte(in);
  base += n < 200 ? n : 0;
  return n < 250 ? base : base - 100 * n; /* late news */
}

static void call_about_task(unsigned what, lab_trace_g *g, fuzz_input *in) {
  uint32_t stack = fuzz_below(in, STACKS);
  uint64_t now = pick_time(in);
  switch (what) {
  case 0: /* as tasks do: a new one is all zeros but for its id */
    if (g->state == 0)
      *g = (lab_trace_g){.id = ++next_id};
    lab_trace_go_create(g, stack, stack % 3, now);
    break;
  case 1:
    lab_trace_go_start(g, now);
    break;
  case 2:
    lab_trace_go_block(g, (lab_trace_why)fuzz_below(in, LAB_TRACE_WHYS), stack,
                       now);
    break;
  case 3:
    lab_trace_go_yield(g, stack % 2, stack, now);
    break;
  case 4:
    lab_trace_go_unblock(g, stack, stack % 2 ? pick_time(in) : 0, now);
    break;
  default:
    lab_trace_go_end(g, now);
  }
}

static void call_about_user(unsigned what, fuzz_input *in) {
  uint32_t stack = fuzz_below(in, STACKS);
  const char *name = pick_name(in);
  switch (what) {
  case 0:
    lab_trace_task_begin(++next_user_task, stack / 2, name, stack, 0);
    break;
  case 1:
    lab_trace_task_end(stack, stack, 0);
    break;
  case 2:
    lab_trace_region_begin(name, stack, 0);
    break;
  case 3:
    lab_trace_region_end(name, stack, 0);
    break;
  default:
    lab_trace_log(stack / 2, "log", name, strlen(name), stack);
  }
}

static void call_about_rest(unsigned what, fuzz_input *in) {
  unsigned n = fuzz_byte(in);
  switch (what) {
  case 0:
    lab_trace_job_begin(n % 3, pick_name(in), n % STACKS, pick_time(in));
    break;
  case 1:
    lab_trace_job_end(n % 3, pick_time(in));
    break;
  case 2:
    lab_trace_gc_begin(n % STACKS);
    break;
  case 3:
    lab_trace_gc_end(n % 2, n);
    break;
  case 4:
    lab_trace_sample(base, (int)(n % 4) - 1, n % STACKS);
    break;
  case 5:
    lab_trace_heap();
    break;
  case 6: /* the owner may set it */
    tasks[n % TASKS].task = n / TASKS % 4;
    break;
  case 7:
    lab_trace_start(n);
    break;
  default:
    if (n > 250)
      lab_trace_seal("early\xff");
  }
}

static void call_something(fuzz_input *in) {
  unsigned what = fuzz_byte(in) % 20;
  if (what < 6)
    call_about_task(what, &tasks[fuzz_below(in, TASKS)], in);
  else if (what < 11)
    call_about_user(what - 6, in);
  else
    call_about_rest(what - 11, in);
}

/* ---- the whole ----------------------------------------------------------- */

static void forget_all(void) {
  forget_trace();
  memset(tasks, 0, sizeof tasks);
  next_id = next_user_task = 0;
  base = 1000000000;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  fuzz_input in = fuzz_open(data, size);
  forget_all();
  const lab_trace_config config = {.max_events = 50 + 4 * fuzz_byte(&in),
                                   .workers = WORKERS,
                                   .worker = 1,
                                   .start = 2,
                                   .wakeup = 3,
                                   .heap = heap_size};
  LAB_ASSERT(lab_trace_open(&config) == 0);
  bool started = fuzz_byte(&in) % 8 > 0;
  if (started)
    lab_trace_start(0);
  for (int i = 0; i < CALLS_MAX && fuzz_left(&in) > 0; i++)
    call_something(&in);
  lab_trace_seal(NULL);
  read_recording();
  lab_trace_close();
  return 0;
}
