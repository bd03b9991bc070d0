/* SPDX-License-Identifier: MIT
 * See flight_cut.h. */
#include "trace/flight_cut.h"

#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "trace/flight_ring.h"

static lab_flight_ring *const ring = &lab_flight_state;

static void keep_stacks_of(const lab_flight_record *e,
                           void (*keep)(uint32_t stack)) {
  /* Which numbers are stacks: a bit each. */
  static const uint8_t stacks[FLIGHT_KINDS] = {
      [FLIGHT_CREATE] = 4 | 8,
      [FLIGHT_BLOCK] = 4,
      [FLIGHT_YIELD] = 4,
      [FLIGHT_UNBLOCK] = 2,
      [FLIGHT_UNBLOCK_OLD] = 2 | 16,
      [FLIGHT_END_OLD] = 4 | 8,
      [FLIGHT_REGION] = 8,
      [FLIGHT_TASK] = 4,
      [FLIGHT_TASK_END] = 2,
      [FLIGHT_TASK_OLD] = 2,
      [FLIGHT_LOG] = 1,
      [FLIGHT_JOB] = 4,
      [FLIGHT_GC_BEGIN] = 1,
  };
  for (unsigned i = 0; stacks[e->kind] >> i; i++)
    if (stacks[e->kind] >> i & 1 && e->args[i])
      keep((uint32_t)e->args[i]);
}

void lab_flight_each_stack(void (*keep)(uint32_t stack)) {
  if (!lab_flight_enter())
    return;
  lab_flight_drop_old(lab_clock_mono(), 0);
  for (const lab_flight_chunk *c = ring->first; c; c = c->next) {
    lab_flight_reader r;
    lab_flight_record e;
    lab_flight_read_begin(&r, c);
    while (lab_flight_read(&r, &e))
      keep_stacks_of(&e, keep);
  }
  for (unsigned i = 0; i < ring->workers; i++)
    if (ring->jobs[i].busy && ring->jobs[i].stack)
      keep(ring->jobs[i].stack);
  lab_flight_leave();
}

static size_t count_chunks(void) {
  size_t n = 0;
  for (const lab_flight_chunk *c = ring->first; c; c = c->next)
    n++;
  return n;
}

bool lab_flight_cut_take(lab_flight_cut *out) {
  *out = (lab_flight_cut){.at = lab_clock_mono()};
  if (!lab_flight_enter())
    return false;
  lab_flight_seal_newest();
  size_t n = count_chunks();
  out->chunks = lab_try_malloc((n + 1) * sizeof(lab_flight_chunk *));
  out->jobs = lab_try_malloc((ring->workers + 1) * sizeof *out->jobs);
  bool taken = out->chunks && out->jobs;
  if (taken) {
    for (lab_flight_chunk *c = ring->first; c; c = c->next) {
      atomic_fetch_add(&c->owners, 1);
      out->chunks[out->nchunks++] = c;
    }
    memcpy(out->jobs, ring->jobs, ring->workers * sizeof *out->jobs);
    out->workers = ring->workers;
    out->from = ring->from;
  }
  lab_flight_leave();
  if (!taken)
    lab_flight_cut_free(out);
  return taken;
}

void lab_flight_cut_free(lab_flight_cut *cut) {
  for (size_t i = 0; i < cut->nchunks; i++)
    lab_flight_unref(cut->chunks[i]);
  lab_xfree(cut->chunks);
  lab_xfree(cut->jobs);
  *cut = (lab_flight_cut){0};
}
