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
  const char *shape = lab_flight_shapes[e->kind];
  for (unsigned i = 0; shape[i]; i++)
    if (shape[i] == 's' && e->args[i])
      keep((uint32_t)e->args[i]);
}

static void keep_stacks_of_jobs(const lab_flight_job *jobs, unsigned n,
                                void (*keep)(uint32_t stack)) {
  for (unsigned i = 0; i < n; i++)
    if (jobs[i].busy && jobs[i].stack)
      keep(jobs[i].stack);
}

void lab_flight_each_stack(void (*keep)(uint32_t stack)) {
  if (!ring->ns)
    return;
  unsigned n = lab_flight_jobs_workers();
  lab_flight_job *jobs = lab_xcalloc(n + 1, sizeof *jobs);
  lab_flight_add_jobs(jobs);
  lab_flight_drop_old(lab_clock_mono(), 0);
  for (const lab_flight_chunk *c = ring->first; c; c = c->next) {
    lab_flight_reader r;
    lab_flight_record e;
    lab_flight_read_begin(&r, c);
    while (lab_flight_read(&r, &e))
      keep_stacks_of(&e, keep);
  }
  keep_stacks_of_jobs(jobs, n, keep);
  lab_xfree(jobs);
}

static size_t count_chunks(void) {
  size_t n = 0;
  for (const lab_flight_chunk *c = ring->first; c; c = c->next)
    n++;
  return n;
}

/* Each gets another owner. */
static void take_chunks(lab_flight_cut *out) {
  for (lab_flight_chunk *c = ring->first; c; c = c->next) {
    atomic_fetch_add(&c->owners, 1);
    out->chunks[out->nchunks++] = c;
  }
}

bool lab_flight_cut_take(lab_flight_cut *out) {
  *out = (lab_flight_cut){0};
  if (!ring->ns)
    return false;
  out->workers = lab_flight_jobs_workers();
  out->jobs = lab_try_malloc((out->workers + 1) * sizeof *out->jobs);
  if (!out->jobs)
    return false;
  lab_flight_add_jobs(out->jobs);
  lab_flight_seal_newest();
  out->chunks = lab_try_malloc((count_chunks() + 1) * sizeof *out->chunks);
  if (!out->chunks) {
    lab_flight_cut_free(out);
    return false;
  }
  take_chunks(out);
  uint64_t now = lab_clock_mono();
  out->at = now > ring->last ? now : ring->last;
  out->from = ring->from;
  return true;
}

void lab_flight_cut_free(lab_flight_cut *cut) {
  for (size_t i = 0; i < cut->nchunks; i++)
    lab_flight_unref(cut->chunks[i]);
  lab_xfree(cut->chunks);
  lab_xfree(cut->jobs);
  *cut = (lab_flight_cut){0};
}
