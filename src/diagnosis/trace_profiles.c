/* SPDX-License-Identifier: MIT
 * See trace_profiles.h. */
#include "diagnosis/trace_profiles.h"

#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "diagnosis/trace_times.h"
#include "pprof/encode.h"
#include "trace/decode.h"
#include "trace/names.h"
#include "trace/wire.h"

enum {
  FRAMES_MAX = 1 << 22, /* of all stacks that are written */
  NAME_BYTES = 4096,    /* of a function or a file: longer ones are cut */
  /* Who sends a trace chooses its numbers, and so how long a search takes. */
  CPU_MS = 1000,
};

bool lab_trace_is_one(const void *bytes, size_t len) {
  return len >= sizeof LAB_TRACE_HEADER &&
         memcmp(bytes, LAB_TRACE_HEADER, sizeof LAB_TRACE_HEADER) == 0;
}

/* ---- writing ------------------------------------------------------------- */

/* A string of the trace with a final 0, in TEXT, which is emptied first. */
static const char *take_string(const reader *r, uint64_t number,
                               lab_buf *text) {
  const piece *p = number < r->nstrings ? &r->strings[number] : NULL;
  lab_buf_clear(text);
  if (p && p->data)
    lab_buf_append(text, p->data, p->len < NAME_BYTES ? p->len : NAME_BYTES);
  lab_buf_putc(text, '\0');
  return text->data;
}

/* The locations of STACK; returns how many. */
static size_t add_locations(const reader *r, lab_profile *p, uint32_t stack,
                            uint64_t out[LAB_TRACE_DEPTH]) {
  lab_trace_record_frame frames[LAB_TRACE_DEPTH];
  lab_buf name = LAB_BUF_INIT, file = LAB_BUF_INIT;
  uint64_t id;
  size_t n = 0;
  if (stack < r->nstacks && r->stacks[stack].data) {
    lab_trace_record e = {.text = r->stacks[stack].data,
                          .len = r->stacks[stack].len};
    n = lab_trace_decode_stack(&e, &id, frames, LAB_TRACE_DEPTH);
  }
  for (size_t i = 0; i < n; i++) {
    uint64_t function =
        lab_profile_function(p, take_string(r, frames[i].function, &name),
                             take_string(r, frames[i].file, &file), 0);
    out[i] = lab_profile_location(p, 0, 0, function,
                                  (int64_t)(frames[i].line & INT32_MAX));
  }
  lab_buf_free(&name);
  lab_buf_free(&file);
  return n;
}

/* The labels of a state; returns how many. */
static size_t list_states(uint8_t state,
                          lab_profile_label out[LAB_WAIT_KINDS]) {
  size_t n = 0;
  if (state == RUNNING)
    out[n++] = (lab_profile_label){.key = "state", .str = "running"};
  if (state == RUNNABLE)
    out[n++] = (lab_profile_label){.key = "state", .str = "runnable"};
  for (int w = LAB_WAIT_NONE + 1; w < LAB_WAIT_KINDS; w++)
    if ((uint8_t)lab_trace_map_wait((lab_wait)w) == state)
      out[n++] = (lab_profile_label){.key = "state",
                                     .str = lab_wait_name((lab_wait)w)};
  return n;
}

static bool is_block(uint8_t state) {
  return state == LAB_TRACE_SEND || state == LAB_TRACE_RECEIVE ||
         state == LAB_TRACE_SELECT || state == LAB_TRACE_SYNC ||
         state == LAB_TRACE_COND;
}

/* Nothing of it is sampled, so there is no number of samples. */
static bool fill_wall(const sum *s, int64_t values[2]) {
  values[0] = (int64_t)s->ns;
  return s->ns > 0;
}

static bool fill_block(const sum *s, int64_t values[2]) {
  values[0] = (int64_t)s->waits;
  values[1] = (int64_t)s->wait_ns;
  return s->waits > 0 && is_block(s->state);
}

static bool fill_goroutine(const sum *s, int64_t values[2]) {
  values[0] = (int64_t)s->goroutines;
  return s->goroutines > 0;
}

typedef struct kind {
  lab_profile_type types[2];
  size_t ntypes;
  bool (*fill)(const sum *s, int64_t values[2]);
  bool has_states;
} kind;

/* The samples of all sums, until there are too many, or it is too late. */
static void add_samples(reader *r, const kind *k, lab_profile *p) {
  for (size_t i = 0; i < r->nsums && !r->is_full && !r->is_late; i++) {
    uint64_t locations[LAB_TRACE_DEPTH];
    lab_profile_label labels[LAB_WAIT_KINDS];
    int64_t values[2];
    const sum *s = &r->sums[i];
    if (!k->fill(s, values))
      continue;
    size_t n = add_locations(r, p, s->stack, locations);
    size_t nlabels = k->has_states ? list_states(s->state, labels) : 0;
    lab_profile_sample(p, locations, n, values, labels, nlabels);
    r->frames += n;
    r->is_full = r->frames > FRAMES_MAX;
    r->is_late = lab_clock_thread_cpu() > r->deadline;
  }
}

static void write_profile(reader *r, const kind *k, lab_buf *out) {
  lab_profile_config config = {.types = k->types,
                               .ntypes = k->ntypes,
                               .period_type = k->types[k->ntypes - 1],
                               .period = 1,
                               .duration_ns = (int64_t)r->facts->ns};
  lab_profile *p = lab_profile_new(&config);
  add_samples(r, k, p);
  lab_profile_finish_raw(p, out);
  lab_profile_free(p);
}

static void write_profiles(reader *r, lab_trace_profiles *out) {
  static const kind wall = {{{"time", "nanoseconds"}}, 1, fill_wall, true};
  static const kind block = {
      {{"contentions", "count"}, {"delay", "nanoseconds"}},
      2,
      fill_block,
      false};
  static const kind goroutines = {
      {{"goroutine", "count"}}, 1, fill_goroutine, false};
  write_profile(r, &wall, &out->wall);
  write_profile(r, &block, &out->block);
  write_profile(r, &goroutines, &out->goroutine);
}

/* ---- the whole ----------------------------------------------------------- */

static int read_whole_trace(reader *r, const void *bytes, size_t len,
                            lab_trace_profiles *out, lab_err *err) {
  if (!lab_trace_is_one(bytes, len))
    return lab_err_set(err, -EINVAL, "it isn't a trace of the lab");
  if (!lab_trace_times_read(r, bytes, len))
    return lab_err_set(err, -EINVAL,
                       "the trace is damaged, or its end missing");
  if (out)
    write_profiles(r, out);
  if (r->is_late)
    return lab_err_set(err, -EFBIG, "the trace takes too long to read");
  if (r->is_full)
    return lab_err_set(err, -EFBIG, "the trace has too many tasks or stacks");
  return 0;
}

int lab_trace_profiles_read(const void *bytes, size_t len,
                            lab_trace_facts *facts,
                            lab_trace_profiles *profiles, lab_err *err) {
  reader r = {.facts = facts,
              .deadline =
                  lab_clock_thread_cpu() + (uint64_t)CPU_MS * LAB_MILLISECOND};
  *facts = (lab_trace_facts){0};
  if (profiles)
    *profiles = (lab_trace_profiles){LAB_BUF_INIT, LAB_BUF_INIT, LAB_BUF_INIT};
  int rc = read_whole_trace(&r, bytes, len, profiles, err);
  if (rc && profiles)
    lab_trace_profiles_free(profiles);
  lab_trace_times_free(&r);
  return rc;
}

void lab_trace_profiles_free(lab_trace_profiles *profiles) {
  lab_buf_free(&profiles->wall);
  lab_buf_free(&profiles->block);
  lab_buf_free(&profiles->goroutine);
}
