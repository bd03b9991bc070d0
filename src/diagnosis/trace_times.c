/* SPDX-License-Identifier: MIT
 * See trace_times.h. A trace is read twice: first the tables, which come at its
 * end, then the events. */
#include "diagnosis/trace_times.h"

#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/hash.h"
#include "prof/attempt.h"
#include "trace/decode.h"
#include "trace/names.h"
#include "trace/replay.h"
#include "trace/wire.h"

enum {
  NUMBERS_MAX = 1 << 20, /* of strings, stacks */
  GOROUTINES_MAX = 1 << 20,
  SUMS_MAX = 1 << 20,
  PROCS_MAX = 4096,
  EVENTS_TURN = 256, /* between two looks at the clock */
};

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

/* Does E say that the visit begins? */
static bool is_visit(const lab_trace_record *e) {
  return e->len == strlen(LAB_TRACE_VISIT) &&
         memcmp(e->text, LAB_TRACE_VISIT, e->len) == 0;
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
  uint64_t hash = lab_hash_id((uint64_t)stack << 8 | state);
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
  lab_table_walk walk = lab_table_find(&r->g_table, lab_hash_id(id));
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
  lab_table_add(&r->g_table, lab_hash_id(e->args[0]), (uint32_t)++r->ngs);
}

/* G does something else from NOW on. What a timer has done may come later in
 * the file than what happened after it; never before what it ends. */
static void enter_state(reader *r, goroutine *g, uint8_t state, uint64_t now) {
  if (now < g->since)
    now = g->since;
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

/* It is as the snapshot, or another goroutine, says, from NOW on. */
static void move_goroutine(reader *r, const lab_trace_record *e, uint8_t state,
                           uint64_t now) {
  goroutine *g = find_goroutine(r, e->args[0]);
  if (g && g->state != ENDED)
    enter_state(r, g, state, now);
}

/* When a system call was over: mostly before the event. */
static uint64_t find_exit_time(const lab_trace_record *e) {
  return e->args[2] > 0 && e->args[2] < e->ts ? e->args[2] : e->ts;
}

/* How many numbers an event has that is looked at, at least. */
static unsigned count_needed(int type) {
  static const uint8_t needed[64] = {
      [EV_GO_CREATE] = 3,      [EV_GO_START] = 1,    [EV_GO_START_LABEL] = 1,
      [EV_GO_WAITING] = 1,     [EV_GO_UNBLOCK] = 1,  [EV_GO_SYS_EXIT] = 3,
      [EV_GO_UNBLOCK_SEQ] = 1, [EV_USER_REGION] = 3,
  };
  return needed[type & 63];
}

/* ---- requests ------------------------------------------------------------ */

/* Is the event's string NUMBER this TEXT? */
static bool has_trace_text(const reader *r, uint64_t number, const char *text) {
  return number < r->nstrings && r->strings[number].len == strlen(text) &&
         memcmp(r->strings[number].data, text, strlen(text)) == 0;
}

/* Does STACK begin in the application's own function for requests? Those of a
 * server that a scenario has made begin elsewhere. */
static bool is_application(const reader *r, uint32_t stack) {
  lab_trace_record_frame frame;
  uint64_t id;
  if (stack >= r->nstacks || !r->stacks[stack].data)
    return false;
  lab_trace_record e = {.text = r->stacks[stack].data,
                        .len = r->stacks[stack].len};
  return lab_trace_decode_stack(&e, &id, &frame, 1) == 1 &&
         (has_trace_text(r, frame.function, "main.helloWorldHandler") ||
          has_trace_text(r, frame.function, "main.routeHandler"));
}

/* The work of a request is a region of this name, in which its task begins. */
static void begin_served(reader *r, const lab_trace_record *e) {
  goroutine *g = find_running(r, e);
  if (!g || g->serves || e->args[1] != 0 ||
      !has_trace_text(r, e->args[2], "request") || !is_application(r, g->entry))
    return;
  g->serves = true;
  r->begun += r->beginnings > 1;
  if (r->open++ == 0)
    r->busy_since = e->ts;
}

static void end_served(reader *r, const lab_trace_record *e) {
  goroutine *g = find_running(r, e);
  if (!g || !g->serves)
    return;
  g->serves = false;
  r->ended++;
  if (--r->open == 0 && e->ts > r->busy_since)
    r->busy += e->ts - r->busy_since;
}

/* As lab_activity_fill counts them. */
static void fill_facts(reader *r) {
  lab_trace_facts *f = r->facts;
  if (r->open > 0 && r->last > r->busy_since)
    r->busy += r->last - r->busy_since;
  f->ns = r->last - r->first;
  f->busy_ns = r->busy;
  f->requests = (double)(r->begun + r->ended) / 2;
  if (f->requests < 1 && r->busy > 0)
    f->requests = 1;
}

/* ---- events -------------------------------------------------------------- */

/* The visit begins: what was before isn't of it. */
static void forget_before(reader *r, uint64_t now) {
  for (size_t i = 0; i < r->nsums; i++)
    r->sums[i] = (sum){.stack = r->sums[i].stack, .state = r->sums[i].state};
  for (size_t i = 0; i < r->ngs; i++) {
    r->gs[i].since = now;
    r->gs[i].is_new = r->gs[i].serves = false;
  }
  r->begun = r->ended = r->open = r->busy = 0;
  r->first = now;
  r->has_visit = true;
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
    move_goroutine(r, e, UNKNOWN, e->ts);
    break;
  case EV_GO_UNBLOCK:
  case EV_GO_UNBLOCK_SEQ:
    move_goroutine(r, e, RUNNABLE, e->ts);
    break;
  case EV_GO_SYS_EXIT:
    move_goroutine(r, e, RUNNABLE, find_exit_time(e));
    break;
  case EV_GO_SCHED:
  case EV_GO_PREEMPT:
    halt_goroutine(r, e, RUNNABLE);
    break;
  case EV_USER_REGION:
    begin_served(r, e);
    break;
  case EV_USER_LOG:
    if (is_visit(e))
      forget_before(r, e->ts);
    break;
  case EV_GO_END:
    end_served(r, e);
    halt_goroutine(r, e, ENDED);
    break;
  default:
    break;
  }
}

/* Is there still time? Looks at the clock now and then. */
static bool has_time(reader *r) {
  if (r->turns++ % EVENTS_TURN == 0)
    r->is_late |= lab_clock_thread_cpu() > r->deadline;
  return !r->is_late;
}

static void read_events(reader *r, const void *bytes, size_t len) {
  lab_trace_decoder d;
  lab_trace_record e;
  bool any = false;
  lab_trace_decode_begin(&d, bytes, len);
  while (has_time(r) && lab_trace_decode(&d, &e) && e.type != EV_FREQUENCY) {
    if (!any || (e.ts < r->first && !r->has_visit))
      r->first = e.ts;
    any = true;
    r->beginnings += e.type == EV_GOMAXPROCS;
    if (e.ts > r->last)
      r->last = e.ts;
    take_trace_event(r, &e);
  }
}

static void end_time(reader *r) {
  for (size_t i = 0; i < r->ngs && has_time(r); i++) {
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

/* ---- the whole ----------------------------------------------------------- */

bool lab_trace_times_read(reader *r, const void *bytes, size_t len) {
  if (!read_tables(r, bytes, len))
    return false;
  r->running = lab_xcalloc(PROCS_MAX, sizeof *r->running);
  read_events(r, bytes, len);
  end_time(r);
  fill_facts(r);
  return true;
}

void lab_trace_times_free(reader *r) {
  lab_xfree(r->strings);
  lab_xfree(r->stacks);
  lab_xfree(r->gs);
  lab_xfree(r->sums);
  lab_xfree(r->running);
  lab_table_free(&r->g_table);
  lab_table_free(&r->sum_table);
}
