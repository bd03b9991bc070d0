/* SPDX-License-Identifier: MIT
 * See trace_profiles.h. A trace is read twice: first the tables, which come at
 * its end, then the events. Times are added up by stack and state, and written
 * at the end. */
#include "diagnosis/trace_profiles.h"

#include <errno.h>
#include <string.h>

#include "base/alloc.h"
#include "base/hash.h"
#include "base/table.h"
#include "pprof/encode.h"
#include "prof/attempt.h"
#include "trace/decode.h"
#include "trace/names.h"
#include "trace/wire.h"
#include "vm/trace_why.h"

enum {
  NUMBERS_MAX = 1 << 20, /* of strings, stacks */
  GOROUTINES_MAX = 1 << 20,
  SUMS_MAX = 1 << 20,
  PROCS_MAX = 4096,
};

/* What a goroutine does: a lab_trace_why, or one of these. */
enum { RUNNING = LAB_TRACE_WHYS, RUNNABLE, UNKNOWN, ENDED };

/* Bytes of the trace. */
typedef struct piece {
  const char *data;
  size_t len;
} piece;

typedef struct goroutine {
  uint64_t id, since;
  uint32_t entry; /* stacks */
  uint32_t stack; /* where it waits, or was last seen */
  uint8_t state;
  bool is_new; /* it began in the trace */
} goroutine;

/* What was seen at a stack, in a state. */
typedef struct sum {
  uint32_t stack;
  uint8_t state;
  uint64_t ns;             /* all of it */
  uint64_t waits, wait_ns; /* those that have ended */
  uint64_t goroutines;     /* new ones that are there at the end */
} sum;

typedef struct reader {
  piece *strings, *stacks; /* by number */
  size_t nstrings, nstacks;
  goroutine *gs;
  size_t ngs, gs_room;
  lab_table g_table;
  sum *sums;
  size_t nsums, sums_room;
  lab_table sum_table;
  uint32_t *running; /* by P: which of gs + 1 runs there, or 0 */
  uint64_t first, last;
  unsigned beginnings; /* two: the snapshot of what there was is complete */
  bool is_full;
  lab_trace_facts *facts;
} reader;

bool lab_trace_is_one(const void *bytes, size_t len) {
  return len >= sizeof LAB_TRACE_HEADER &&
         memcmp(bytes, LAB_TRACE_HEADER, sizeof LAB_TRACE_HEADER) == 0;
}

/* ---- the tables ---------------------------------------------------------- */

static void note_piece(piece **list, size_t *n, uint64_t number,
                       const lab_trace_record *e) {
  if (number == 0 || number >= NUMBERS_MAX)
    return;
  if (number >= *n) {
    size_t larger = (size_t)number + 1 > 2 * *n ? (size_t)number + 1 : 2 * *n;
    *list = lab_xrealloc(*list, larger * sizeof **list);
    memset(*list + *n, 0, (larger - *n) * sizeof **list);
    *n = larger;
  }
  (*list)[number] = (piece){e->text, e->len};
}

static void note_stack(reader *r, const lab_trace_record *e) {
  uint64_t id = 0;
  lab_trace_decode_stack(e, &id, NULL, 0);
  note_piece(&r->stacks, &r->nstacks, id, e);
}

/* The lab's own line says to which visit the trace belongs. */
static void note_attempt(reader *r, const lab_trace_record *e) {
  char text[LAB_ATTEMPT_COMMENT];
  if (e->len >= sizeof text)
    return;
  memcpy(text, e->text, e->len);
  text[e->len] = '\0';
  uint64_t attempt = lab_attempt_parse(text);
  if (attempt)
    r->facts->attempt = attempt;
}

/* False: the bytes are no whole trace. */
static bool read_tables(reader *r, const void *bytes, size_t len) {
  lab_trace_decoder d;
  lab_trace_record e;
  bool has_tables = false;
  lab_trace_decode_begin(&d, bytes, len);
  while (lab_trace_decode(&d, &e)) {
    if (e.type == EV_STRING)
      note_piece(&r->strings, &r->nstrings, e.args[0], &e);
    else if (e.type == EV_STACK)
      note_stack(r, &e);
    else if (e.type == EV_USER_LOG)
      note_attempt(r, &e);
    else if (e.type == EV_FREQUENCY)
      has_tables = true;
  }
  return has_tables && d.at == d.end;
}

/* ---- sums ---------------------------------------------------------------- */

/* The sum of STACK and STATE; NULL if there are too many. */
static sum *find_sum(reader *r, uint32_t stack, uint8_t state) {
  uint64_t hash = lab_hash_u64((uint64_t)stack << 8 | state);
  lab_table_walk walk = lab_table_find(&r->sum_table, hash);
  uint32_t id = lab_table_next(&walk);
  while (id &&
         (r->sums[id - 1].stack != stack || r->sums[id - 1].state != state))
    id = lab_table_next(&walk);
  if (id)
    return &r->sums[id - 1];
  if (r->nsums == SUMS_MAX) {
    r->is_full = true;
    return NULL;
  }
  if (r->nsums == r->sums_room) {
    r->sums_room = r->sums_room ? 2 * r->sums_room : 64;
    r->sums = lab_xrealloc(r->sums, r->sums_room * sizeof *r->sums);
  }
  r->sums[r->nsums] = (sum){.stack = stack, .state = state};
  lab_table_add(&r->sum_table, hash, (uint32_t)++r->nsums);
  return &r->sums[r->nsums - 1];
}

/* G did until NOW what it does. Where it was while it ran isn't known. */
static void add_trace_time(reader *r, const goroutine *g, uint64_t now,
                           bool ended) {
  uint32_t stack = g->state == RUNNING || !g->stack ? g->entry : g->stack;
  uint64_t ns = now > g->since ? now - g->since : 0;
  sum *s = g->state == ENDED ? NULL : find_sum(r, stack, g->state);
  if (!s)
    return;
  s->ns += ns;
  s->waits += ended;
  s->wait_ns += ended ? ns : 0;
}

/* ---- goroutines ---------------------------------------------------------- */

static goroutine *find_goroutine(reader *r, uint64_t id) {
  lab_table_walk walk = lab_table_find(&r->g_table, lab_hash_u64(id));
  uint32_t at = lab_table_next(&walk);
  while (at && r->gs[at - 1].id != id)
    at = lab_table_next(&walk);
  return at ? &r->gs[at - 1] : NULL;
}

static void add_goroutine(reader *r, const lab_trace_record *e) {
  if (find_goroutine(r, e->args[0]))
    return;
  if (r->ngs == GOROUTINES_MAX) {
    r->is_full = true;
    return;
  }
  if (r->ngs == r->gs_room) {
    r->gs_room = r->gs_room ? 2 * r->gs_room : 64;
    r->gs = lab_xrealloc(r->gs, r->gs_room * sizeof *r->gs);
  }
  r->gs[r->ngs] = (goroutine){.id = e->args[0],
                              .since = e->ts,
                              .entry = (uint32_t)e->args[1],
                              .state = RUNNABLE,
                              .is_new = r->beginnings > 1};
  lab_table_add(&r->g_table, lab_hash_u64(e->args[0]), (uint32_t)++r->ngs);
}

/* G does something else from now on. */
static void enter_state(reader *r, goroutine *g, uint8_t state, uint64_t now) {
  bool ended = g->state < LAB_TRACE_WHYS && state == RUNNABLE;
  add_trace_time(r, g, now, ended);
  g->state = state;
  g->since = now;
}

/* What runs on the event's P, or NULL. */
static goroutine *find_running(const reader *r, const lab_trace_record *e) {
  bool known = e->proc >= 0 && e->proc < PROCS_MAX && r->running[e->proc];
  return known ? &r->gs[r->running[e->proc] - 1] : NULL;
}

static void run_goroutine(reader *r, const lab_trace_record *e) {
  goroutine *g = find_goroutine(r, e->args[0]);
  if (!g || g->state == ENDED || e->proc < 0 || e->proc >= PROCS_MAX)
    return;
  enter_state(r, g, RUNNING, e->ts);
  r->running[e->proc] = (uint32_t)(g - r->gs) + 1;
}

/* What runs does so no longer. The event's last number is the stack. */
static void halt_goroutine(reader *r, const lab_trace_record *e,
                           uint8_t state) {
  goroutine *g = find_running(r, e);
  if (!g)
    return;
  enter_state(r, g, state, e->ts);
  g->stack = e->nargs ? (uint32_t)e->args[e->nargs - 1] : 0;
  r->running[e->proc] = 0;
}

/* It is as the snapshot, or another goroutine, says. */
static void move_goroutine(reader *r, const lab_trace_record *e,
                           uint8_t state) {
  goroutine *g = find_goroutine(r, e->args[0]);
  if (g && g->state != ENDED)
    enter_state(r, g, state, e->ts);
}

/* ---- events -------------------------------------------------------------- */

/* How many numbers an event has that is looked at, at least. */
static unsigned count_needed(int type) {
  static const uint8_t needed[64] = {
      [EV_GO_CREATE] = 3,  [EV_GO_START] = 1,   [EV_GO_START_LABEL] = 1,
      [EV_GO_WAITING] = 1, [EV_GO_UNBLOCK] = 1, [EV_GO_SYS_EXIT] = 1,
  };
  return needed[type & 63];
}

static void take_trace_event(reader *r, const lab_trace_record *e) {
  int why = lab_trace_decode_why(e->type);
  if (e->nargs < count_needed(e->type))
    return;
  if (why >= 0) {
    halt_goroutine(r, e, (uint8_t)why);
    return;
  }
  switch (e->type) {
  case EV_GO_CREATE:
    add_goroutine(r, e);
    break;
  case EV_GO_START:
  case EV_GO_START_LABEL:
    run_goroutine(r, e);
    break;
  case EV_GO_WAITING:
    move_goroutine(r, e, UNKNOWN);
    break;
  case EV_GO_UNBLOCK:
  case EV_GO_SYS_EXIT:
    move_goroutine(r, e, RUNNABLE);
    break;
  case EV_GO_SCHED:
  case EV_GO_PREEMPT:
    halt_goroutine(r, e, RUNNABLE);
    break;
  case EV_GO_END:
    halt_goroutine(r, e, ENDED);
    break;
  default:
    break;
  }
}

static void read_events(reader *r, const void *bytes, size_t len) {
  lab_trace_decoder d;
  lab_trace_record e;
  bool any = false;
  lab_trace_decode_begin(&d, bytes, len);
  while (lab_trace_decode(&d, &e) && e.type != EV_FREQUENCY) {
    if (!any || e.ts < r->first)
      r->first = e.ts;
    any = true;
    r->beginnings += e.type == EV_GOMAXPROCS;
    if (e.ts > r->last)
      r->last = e.ts;
    take_trace_event(r, &e);
  }
}

static void end_time(reader *r) {
  for (size_t i = 0; i < r->ngs; i++) {
    goroutine *g = &r->gs[i];
    if (g->state == ENDED)
      continue;
    add_trace_time(r, g, r->last, false);
    uint32_t stack = g->stack ? g->stack : g->entry;
    sum *s = g->is_new ? find_sum(r, stack, g->state) : NULL;
    if (s)
      s->goroutines++;
  }
}

/* ---- writing ------------------------------------------------------------- */

/* A string of the trace with a final 0, in TEXT, which is emptied first. */
static const char *take_string(const reader *r, uint64_t number,
                               lab_buf *text) {
  lab_buf_clear(text);
  if (number < r->nstrings && r->strings[number].data)
    lab_buf_append(text, r->strings[number].data, r->strings[number].len);
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

static bool fill_wall(const sum *s, int64_t values[2]) {
  values[0] = 1;
  values[1] = (int64_t)s->ns;
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

static void write_profile(const reader *r, const kind *k, lab_buf *out) {
  lab_profile_config config = {.types = k->types,
                               .ntypes = k->ntypes,
                               .period_type = k->types[k->ntypes - 1],
                               .period = 1,
                               .duration_ns = (int64_t)r->facts->ns};
  lab_profile *p = lab_profile_new(&config);
  for (size_t i = 0; i < r->nsums; i++) {
    uint64_t locations[LAB_TRACE_DEPTH];
    lab_profile_label labels[LAB_WAIT_KINDS];
    int64_t values[2];
    const sum *s = &r->sums[i];
    if (!k->fill(s, values))
      continue;
    size_t n = add_locations(r, p, s->stack, locations);
    size_t nlabels = k->has_states ? list_states(s->state, labels) : 0;
    lab_profile_sample(p, locations, n, values, labels, nlabels);
  }
  lab_profile_finish_raw(p, out);
  lab_profile_free(p);
}

static void write_profiles(const reader *r, lab_trace_profiles *out) {
  static const kind wall = {
      {{"samples", "count"}, {"time", "nanoseconds"}}, 2, fill_wall, true};
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

static void free_reader(reader *r) {
  lab_xfree(r->strings);
  lab_xfree(r->stacks);
  lab_xfree(r->gs);
  lab_xfree(r->sums);
  lab_xfree(r->running);
  lab_table_free(&r->g_table);
  lab_table_free(&r->sum_table);
}

static int read_whole_trace(reader *r, const void *bytes, size_t len,
                            lab_trace_profiles *out, lab_err *err) {
  if (!lab_trace_is_one(bytes, len))
    return lab_err_set(err, -EINVAL, "it isn't a trace of the lab");
  if (!read_tables(r, bytes, len))
    return lab_err_set(err, -EINVAL,
                       "the trace is damaged, or its end missing");
  r->running = lab_xcalloc(PROCS_MAX, sizeof *r->running);
  read_events(r, bytes, len);
  r->facts->ns = r->last - r->first;
  end_time(r);
  if (r->is_full)
    return lab_err_set(err, -EFBIG, "the trace has more than a million tasks");
  if (out)
    write_profiles(r, out);
  return 0;
}

int lab_trace_profiles_read(const void *bytes, size_t len,
                            lab_trace_facts *facts,
                            lab_trace_profiles *profiles, lab_err *err) {
  reader r = {.facts = facts};
  *facts = (lab_trace_facts){0};
  if (profiles)
    *profiles = (lab_trace_profiles){LAB_BUF_INIT, LAB_BUF_INIT, LAB_BUF_INIT};
  int rc = read_whole_trace(&r, bytes, len, profiles, err);
  free_reader(&r);
  return rc;
}

void lab_trace_profiles_free(lab_trace_profiles *profiles) {
  lab_buf_free(&profiles->wall);
  lab_buf_free(&profiles->block);
  lab_buf_free(&profiles->goroutine);
}
