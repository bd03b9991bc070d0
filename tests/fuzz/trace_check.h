/* SPDX-License-Identifier: MIT
 * Checks a recording of a trace as Go's readers would: each event fits the
 * state of its goroutine and of the P it happens on, or they would refuse the
 * file; times don't go back; regions nest; and the JSON form is whole, valid
 * UTF-8, with no two slices of a row that overlap. */
#ifndef FUZZ_TRACE_CHECK_H
#define FUZZ_TRACE_CHECK_H

#include <stdio.h>

#include "base/utf8.h"
#include "input.h"
#include "trace/decode.h"
#include "trace/json.h"
#include "trace/trace.h"
#include "trace/wire.h"

enum { CALLS_MAX = 400, WORKERS = 2, PROCS = WORKERS + 1 };
enum { GS_MAX = CALLS_MAX + 8, OPEN_MAX = CALLS_MAX, STACKS = 9 };
enum { NEW, RUNNABLE, RUNNING, WAITING, IN_SYSCALL, DEAD };

/* ---- what the readers know ----------------------------------------------- */

typedef struct goroutine {
  uint64_t id;
  int state;
  bool has_run;
  uint64_t changed;
  uint32_t open[OPEN_MAX]; /* regions, by their names */
  unsigned nopen;
} goroutine;

static goroutine gs[GS_MAX];
static unsigned ngs;
static goroutine *running[PROCS];
static uint64_t last[PROCS], timer_last;
static bool paused, collecting;

static goroutine *find_g(uint64_t id) {
  for (unsigned i = 0; i < ngs; i++)
    if (gs[i].id == id)
      return &gs[i];
  LAB_ASSERT(ngs < GS_MAX);
  gs[ngs] = (goroutine){.id = id};
  return &gs[ngs++];
}

static void follow_change(const lab_trace_record *e, int from, int to) {
  goroutine *g = find_g(e->args[0]);
  LAB_ASSERT(g->state == from && e->ts >= g->changed);
  g->changed = e->ts;
  LAB_ASSERT(e->type != EV_GO_WAITING || !g->has_run);
  g->state = to;
  if (to != RUNNING)
    return;
  LAB_ASSERT(!running[e->proc]);
  running[e->proc] = g;
  g->has_run = true;
}

static void follow_stop(const lab_trace_record *e, int to) {
  goroutine *g = running[e->proc];
  LAB_ASSERT(g && g->state == RUNNING && e->ts >= g->changed);
  g->changed = e->ts;
  LAB_ASSERT(e->proc != VM_PROC || !paused);
  g->state = to;
  running[e->proc] = NULL;
}

static void follow_region(const lab_trace_record *e) {
  goroutine *g = running[VM_PROC];
  uint32_t name = (uint32_t)e->args[2];
  LAB_ASSERT(g && e->proc == VM_PROC && e->args[1] <= 1);
  if (e->args[1]) {
    LAB_ASSERT(g->nopen > 0 && g->open[--g->nopen] == name);
  } else {
    LAB_ASSERT(g->nopen < OPEN_MAX);
    g->open[g->nopen++] = name;
  }
}

static void follow_memory(const lab_trace_record *e) {
  bool begins = e->type == EV_STW_START || e->type == EV_GC_START;
  bool pause = e->type == EV_STW_START || e->type == EV_STW_DONE;
  bool *state = pause ? &paused : &collecting;
  LAB_ASSERT(*state != begins && (!pause || running[VM_PROC]));
  *state = begins;
}

/* How many numbers each kind of event has, without its time. */
static const uint8_t counts[64] = {
    [EV_GOMAXPROCS] = 2,     [EV_PROC_START] = 1,     [EV_GC_START] = 2,
    [EV_STW_START] = 1,      [EV_GO_CREATE] = 3,      [EV_GO_SCHED] = 1,
    [EV_GO_PREEMPT] = 1,     [EV_GO_SLEEP] = 1,       [EV_GO_BLOCK] = 1,
    [EV_GO_BLOCK_SEND] = 1,  [EV_GO_BLOCK_RECV] = 1,  [EV_GO_BLOCK_SELECT] = 1,
    [EV_GO_BLOCK_SYNC] = 1,  [EV_GO_BLOCK_COND] = 1,  [EV_GO_BLOCK_NET] = 1,
    [EV_GO_SYSCALL] = 1,     [EV_GO_SYS_EXIT] = 3,    [EV_GO_WAITING] = 1,
    [EV_HEAP_ALLOC] = 1,     [EV_HEAP_GOAL] = 1,      [EV_GO_START] = 1,
    [EV_GO_UNBLOCK] = 2,     [EV_GO_START_LABEL] = 3, [EV_USER_TASK] = 4,
    [EV_GO_UNBLOCK_SEQ] = 3, [EV_USER_TASK_END] = 2,  [EV_USER_REGION] = 4,
    [EV_USER_LOG] = 3,       [EV_CPU_SAMPLE] = 4,
};

static void follow_event(const lab_trace_record *e) {
  switch (e->type) {
  case EV_GO_CREATE:
    follow_change(e, NEW, RUNNABLE);
    break;
  case EV_GO_START:
  case EV_GO_START_LABEL:
    follow_change(e, RUNNABLE, RUNNING);
    break;
  case EV_GO_WAITING:
    follow_change(e, RUNNABLE, WAITING);
    break;
  case EV_GO_UNBLOCK:
  case EV_GO_UNBLOCK_SEQ:
    LAB_ASSERT((e->type == EV_GO_UNBLOCK_SEQ) == (e->proc == TIMER_PROC));
    follow_change(e, WAITING, RUNNABLE);
    break;
  case EV_GO_SYS_EXIT:
    LAB_ASSERT(e->args[2] <= e->ts);
    follow_change(e, IN_SYSCALL, RUNNABLE);
    break;
  case EV_GO_END:
    follow_stop(e, DEAD);
    break;
  case EV_GO_SCHED:
  case EV_GO_PREEMPT:
    follow_stop(e, RUNNABLE);
    break;
  case EV_GO_SYSCALL:
    follow_stop(e, IN_SYSCALL);
    break;
  case EV_USER_TASK:
    LAB_ASSERT(running[VM_PROC] && e->proc == VM_PROC);
    break;
  case EV_USER_REGION:
    follow_region(e);
    break;
  case EV_STW_START:
  case EV_STW_DONE:
  case EV_GC_START:
  case EV_GC_DONE:
    follow_memory(e);
    break;
  default:
    if (e->type >= EV_GO_SLEEP && e->type <= EV_GO_BLOCK_NET)
      follow_stop(e, WAITING);
  }
}

static void read_back(const lab_buf *piece, uint64_t *n) {
  lab_trace_decoder d;
  lab_trace_record e;
  lab_trace_decode_begin(&d, piece->data, piece->len);
  for (; lab_trace_decode(&d, &e); ++*n) {
    LAB_ASSERT(e.nargs == counts[e.type]);
    if (e.proc != NO_PROC) {
      LAB_ASSERT(e.proc == TIMER_PROC || (e.proc >= 0 && e.proc < PROCS));
      uint64_t *before = e.proc == TIMER_PROC ? &timer_last : &last[e.proc];
      LAB_ASSERT(e.ts >= *before);
      *before = e.ts;
    }
    follow_event(&e);
    if (e.type == EV_USER_LOG)
      LAB_ASSERT(lab_utf8_valid_length(e.text, e.len) == e.len);
  }
  LAB_ASSERT(d.at == d.end);
}

/* ---- JSON ---------------------------------------------------------------- */

/* Passes a value of JSON; NULL if there is none. */
static const char *skip_value(const char *at, const char *end, int depth);

static const char *skip_blanks(const char *at, const char *end) {
  while (at < end && (*at == ' ' || *at == '\n'))
    at++;
  return at;
}

static const char *skip_string(const char *at, const char *end) {
  for (at++; at < end && *at != '"'; at++) {
    if ((unsigned char)*at < ' ')
      return NULL;
    at += *at == '\\';
  }
  return at < end ? at + 1 : NULL;
}

static const char *skip_items(const char *at, const char *end, int depth) {
  bool object = *at == '{';
  char close = object ? '}' : ']';
  at = skip_blanks(at + 1, end);
  if (at < end && *at == close)
    return at + 1;
  while (at < end) {
    if (object) {
      at = *at == '"' ? skip_string(at, end) : NULL;
      at = at ? skip_blanks(at, end) : NULL;
      if (!at || at == end || *at++ != ':')
        return NULL;
    }
    at = skip_value(at, end, depth + 1);
    at = at ? skip_blanks(at, end) : NULL;
    if (!at || at == end || (*at != ',' && *at != close))
      return NULL;
    if (*at++ == close)
      return at;
    at = skip_blanks(at, end);
  }
  return NULL;
}

static const char *skip_value(const char *at, const char *end, int depth) {
  at = skip_blanks(at, end);
  if (at == end || depth > 8)
    return NULL;
  if (*at == '{' || *at == '[')
    return skip_items(at, end, depth);
  if (*at == '"')
    return skip_string(at, end);
  const char *from = at;
  while (at < end && ((*at >= '0' && *at <= '9') || *at == '.'))
    at++;
  return at > from ? at : NULL;
}

/* One event per line. Slices of a row come one behind the other. */
static void check_slices(char *text) {
  enum { ROWS = 64 };
  static struct {
    int pid, tid;
    double end;
  } rows[ROWS];
  unsigned nrows = 0, i;
  for (char *line = text, *next; line; line = next) {
    next = strchr(line, '\n');
    if (next)
      *next++ = '\0';
    int pid, tid;
    double ts, dur;
    const char *length = strstr(line, ",\"dur\":");
    if (sscanf(line, "{\"ph\":\"X\",\"pid\":%d,\"tid\":%d,\"ts\":%lf", &pid,
               &tid, &ts) != 3)
      continue;
    while (length && strstr(length + 1, ",\"dur\":"))
      length = strstr(length + 1, ",\"dur\":"); /* the name may hold one */
    LAB_ASSERT(length && sscanf(length, ",\"dur\":%lf", &dur) == 1);
    for (i = 0; i < nrows && (rows[i].pid != pid || rows[i].tid != tid); i++)
      ;
    if (i == nrows && nrows < ROWS) {
      rows[nrows].pid = pid;
      rows[nrows].tid = tid;
      rows[nrows++].end = -1;
    }
    if (i < ROWS) {
      LAB_ASSERT(ts > rows[i].end && dur >= 0);
      rows[i].end = ts + dur;
    }
  }
}

static void check_json(lab_buf *json) {
  const char *end = json->data + json->len;
  LAB_ASSERT(lab_utf8_valid_length(json->data, json->len) == json->len);
  const char *stop = skip_value(json->data, end, 0);
  LAB_ASSERT(stop && skip_blanks(stop, end) == end);
  lab_buf_putc(json, '\0');
  check_slices(json->data);
}

static size_t name_stack(uint32_t stack, lab_trace_frame out[LAB_TRACE_DEPTH]) {
  static const char *const names[] = {"a", "b\"\\", "c\xff", "d\n", ""};
  out[0] = (lab_trace_frame){names[stack % 5], "/a.lua", (int)stack};
  out[1] = (lab_trace_frame){"outer", "", 1};
  return 1 + stack % 2;
}

static const char *pick_name(fuzz_input *in) {
  static const char *const names[] = {
      "request", "one",
      "",        "\xff\xfe<&\"'\\%\n",
      "two",     "\xc2\x80",
      "[other]", "a name that is longer than the others and still one"};
  return names[fuzz_below(in, 8)];
}

static void forget_trace(void) {
  ngs = 0;
  memset(running, 0, sizeof running);
  memset(last, 0, sizeof last);
  timer_last = 0;
  paused = collecting = false;
}

static void read_recording(void) {
  lab_buf piece = LAB_BUF_INIT, json = LAB_BUF_INIT;
  lab_trace_json *j = lab_trace_json_new(name_stack);
  uint64_t n = 0;
  while (lab_trace_take(&piece, true)) {
    read_back(&piece, &n);
    lab_trace_json_add(j, piece.data, piece.len, &json);
    lab_buf_clear(&piece);
  }
  LAB_ASSERT(n == lab_trace_events());
  LAB_ASSERT(!paused && !collecting && !running[0] && !running[1]);
  lab_trace_json_end(j, &json);
  check_json(&json);
  while (lab_trace_tables(name_stack, &piece))
    lab_buf_clear(&piece);
  lab_trace_json_free(j);
  lab_buf_free(&piece);
  lab_buf_free(&json);
}

#endif
