/* SPDX-License-Identifier: MIT
 * Tells the flight recorder any sequence of calls, cuts its ring, and plays it
 * into a recording: trace_check.h says what is checked. Chunks are short, so
 * that many things end in another one than they began in. */
#include "base/clock.h"
#include "trace/flight.h"
#include "trace/flight_cut.h"
#include "trace/replay.h"
#include "trace_check.h"

enum { ACTORS = 8, ENTRY = 1, NAMED = 3 };

/* What the owner knows of a task. */
typedef struct flown_task {
  uint64_t id, request; /* 0: there is none */
  uint64_t since;
} flown_task;

static flown_task flown[ACTORS];
static uint64_t flown_id, flown_user_task, flown_at;

static size_t name_flown(const void *of, char *out, size_t size) {
  (void)of;
  return (size_t)snprintf(out, size, "GET /\xff");
}

static void tell_flown(const void *of, lab_flight_facts *out) {
  const flown_task *t = of;
  *out = (lab_flight_facts){.id = t->id,
                            .task = t->request,
                            .entry = ENTRY,
                            .serves = t->request != 0};
}

static uint64_t pick_moment(fuzz_input *in) {
  unsigned n = fuzz_byte(in);
  flown_at += n < 200 ? n : 0;
  return n < 250 ? flown_at : flown_at - 100 * n; /* late news */
}

static void create_flown(flown_task *t, uint32_t stack, uint64_t now) {
  if (t->id)
    return;
  *t = (flown_task){.id = ++flown_id};
  if (stack % 2) {
    t->request = ++flown_user_task;
    lab_flight_request(t->id, t->request, ENTRY, name_flown, t, now);
  } else {
    lab_flight_facts facts = {
        .id = t->id, .task = stack / 2, .entry = ENTRY, .creator = stack};
    lab_flight_create(&facts, now);
  }
}

static void tell_of_flown(unsigned what, flown_task *t, fuzz_input *in) {
  uint32_t stack = fuzz_below(in, STACKS);
  lab_trace_why why = (lab_trace_why)fuzz_below(in, LAB_TRACE_WHYS);
  uint64_t now = pick_moment(in);
  if (what == 0)
    create_flown(t, stack, now);
  if (!t->id)
    return;
  switch (what) {
  case 1:
    lab_flight_start(t->id, now);
    break;
  case 2:
    t->since = now;
    lab_flight_block(t->id, why, stack, now);
    break;
  case 3:
    lab_flight_yield(t->id, stack % 2, stack, now);
    break;
  case 4:
    lab_flight_unblock(t->id, stack, stack % 2 ? pick_moment(in) : 0, why,
                       stack, t->since, now);
    break;
  case 5:
    lab_flight_end(t->id, t->request, tell_flown, name_flown, t, now);
    *t = (flown_task){0};
    break;
  case 6:
    lab_flight_region(t->id, stack / 2, pick_name(in), stack % 2, stack, now);
    break;
  default:
    break;
  }
}

static void tell_of_rest(unsigned what, fuzz_input *in) {
  unsigned n = fuzz_byte(in);
  const char *name = pick_name(in);
  uint64_t now = pick_moment(in);
  switch (what) {
  case 0:
    lab_flight_task_begin(++flown_user_task, n % 4, name, n % STACKS, now);
    break;
  case 1:
    lab_flight_task_end(n % 8, n % 4, name, n % STACKS, now);
    break;
  case 2:
    if (n < 200)
      lab_flight_log(n % 4, name, strlen(name), n % STACKS, now);
    else
      lab_flight_queued(n % 8, (uint64_t)n << 30, now);
    break;
  case 3:
    lab_flight_job_begin(n % 3, name, n % STACKS, now);
    break;
  case 4:
    lab_flight_job_end(n % 3, now);
    break;
  case 5:
    lab_flight_gc_begin(n % STACKS, now);
    break;
  case 6:
    lab_flight_gc_end(n % 2, n, now);
    break;
  default:
    lab_flight_heap(n, now);
  }
}

/* Most of the tasks that there are, and what they do. */
static size_t tell_of_present(lab_replay_task *out, lab_replay_scope *scopes,
                              fuzz_input *in) {
  size_t n = 0;
  for (unsigned i = 0; i < ACTORS; i++) {
    const flown_task *t = &flown[i];
    unsigned bits = fuzz_byte(in);
    if (!t->id || bits == 255)
      continue;
    tell_flown(t, &out[n].facts);
    out[n].stack = bits % STACKS;
    out[n].waits = bits % 2;
    out[n].why = (uint8_t)(bits % LAB_TRACE_WHYS);
    out[n].name = t->request ? "GET /" : NULL;
    scopes[i] = (lab_replay_scope){pick_name(in), bits / 64, bits % 4 > 0};
    out[n].scopes = &scopes[i];
    out[n].nscopes = bits % 3 > 0;
    n++;
  }
  return n;
}

static void replay_cut(uint64_t ns, fuzz_input *in) {
  lab_replay_task present[ACTORS] = {0};
  lab_replay_scope scopes[ACTORS];
  const lab_trace_config config = {.worker = 1, .start = 2, .wakeup = 3};
  lab_replay_input input = {.heap = 1000, .next_gc = 2000, .region = NAMED};
  LAB_ASSERT(lab_flight_cut_take(&input.cut));
  input.tasks = present;
  input.ntasks = tell_of_present(present, scopes, in);
  forget_trace();
  lab_trace_replay *r = lab_trace_replay_new(&input, ns);
  LAB_ASSERT(lab_trace_replay_open(r, config, "a remark", 0) == 0);
  while (lab_trace_replay_step(r))
    continue;
  read_recording();
  lab_trace_close();
  lab_trace_replay_free(r);
  lab_flight_cut_free(&input.cut);
}

static void forget_flown(void) {
  memset(flown, 0, sizeof flown);
  flown_id = flown_user_task = 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  fuzz_input in = fuzz_open(data, size);
  uint64_t ns = 1000 * (1 + (uint64_t)fuzz_byte(&in));
  uint64_t share = fuzz_byte(&in);
  forget_flown();
  lab_flight_open(ns, 64 << 10, WORKERS);
  uint64_t began = flown_at = lab_clock_mono() + 100000;
  for (int i = 0; i < CALLS_MAX / 2 && fuzz_left(&in) > ACTORS; i++) {
    unsigned what = fuzz_byte(&in) % 16;
    if (what < 8)
      tell_of_flown(what, &flown[fuzz_below(&in, ACTORS)], &in);
    else
      tell_of_rest(what - 8, &in);
  }
  /* The time of the records, and what has passed since. */
  uint64_t past = lab_clock_mono() > flown_at ? lab_clock_mono() - flown_at : 0;
  replay_cut(past + (flown_at - began) * share / 255 + 1, &in);
  lab_flight_close();
  return 0;
}
