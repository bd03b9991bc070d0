/* SPDX-License-Identifier: MIT
 * See json.h. Only complete events ("X"), pairs ("B", "E") and instants are
 * written, with times in microseconds since the beginning; viewers don't agree
 * on the others.
 *
 * Viewers compute with doubles, and take the first time from all others. So two
 * slices of a row that touch each other could overlap there, or change places,
 * and the viewer would refuse or lose one. In each row a slice begins at least
 * 1 ns after the end of the one before it; if it didn't, its beginning is late
 * by that. Likewise, two marks of regions in one row are never at the same
 * time.
 *
 * speedscope makes a slice's arguments part of its name, so that each would
 * have a name of its own. What is to be said of a slice, an instant at its end
 * says. */
#include "trace/json.h"

#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/json.h"
#include "trace/decode.h"
#include "trace/json_items.h"
#include "trace/record.h"

enum { STACKS = 1024, LANES = 4096, TEXT = 256 };
enum { TASKS = 1, REQUESTS = 2, REGIONS = 3 }; /* processes */
enum { GC_ROW = 10000 };

/* What runs on a P. */
typedef struct running {
  uint64_t g, ts;
  uint64_t next;  /* its row's next slice begins then at the earliest */
  uint32_t label; /* string, or 0 */
} running;

typedef struct lane {
  bool taken;
  uint64_t next; /* as in running */
} lane;

struct lab_trace_json {
  lab_json out;
  lab_trace_namer *namer;
  bool began;
  uint64_t start, last;
  lab_trace_items goroutines, tasks;
  running *procs;
  size_t nprocs;
  lab_trace_open_names regions;
  uint64_t gc;         /* its step has begun, or 0 */
  uint64_t gc_next;    /* as in running */
  uint64_t heap, goal; /* last known */
  lane lanes[LANES];
  uint32_t shown_lanes;
  struct {
    uint32_t stack;
    char *text;
  } stacks[STACKS]; /* rendered */
};

/* ---- texts --------------------------------------------------------------- */

static void write_recorded_string(lab_trace_json *j, uint32_t number) {
  char text[TEXT];
  lab_json_string(&j->out, text, lab_trace_string_text(number, text, TEXT));
}

static void write_entry_function(lab_trace_json *j, uint32_t stack) {
  lab_trace_frame frames[LAB_TRACE_DEPTH];
  size_t n = stack ? j->namer(stack, frames) : 0;
  lab_json_text(&j->out, n ? frames[n - 1].function : "?");
}

/* "leaf:12 < caller:3"; the text of a stack is made once and kept. */
static const char *find_stack_text(lab_trace_json *j, uint32_t stack) {
  char **known = &j->stacks[stack % STACKS].text;
  if (!*known || j->stacks[stack % STACKS].stack != stack) {
    lab_trace_frame frames[LAB_TRACE_DEPTH];
    lab_buf text = LAB_BUF_INIT;
    size_t n = j->namer(stack, frames);
    for (size_t i = 0; i < n; i++)
      lab_buf_printf(&text, "%s%s:%d", i > 0 ? " < " : "", frames[i].function,
                     frames[i].line);
    lab_xfree(*known);
    *known = lab_xmemdup0(text.data, text.len);
    j->stacks[stack % STACKS].stack = stack;
    lab_buf_free(&text);
  }
  return *known;
}

static void write_text_member(lab_trace_json *j, const char *key,
                              const char *text) {
  lab_json_key(&j->out, key);
  lab_json_text(&j->out, text);
}

static void write_stack_member(lab_trace_json *j, uint32_t stack) {
  write_text_member(j, "stack", find_stack_text(j, stack));
}

static void write_number_member(lab_trace_json *j, const char *key,
                                uint64_t n) {
  lab_json_key(&j->out, key);
  lab_json_uint(&j->out, n);
}

static void begin_args(lab_trace_json *j) {
  lab_json_key(&j->out, "args");
  lab_json_begin_object(&j->out, LAB_JSON_COMPACT);
}

/* The times are in microseconds, from nanoseconds. */
static void write_time_member(lab_trace_json *j, const char *key, uint64_t ns) {
  lab_json_key(&j->out, key);
  lab_json_decimal(&j->out, ns, 3);
}

static uint64_t since_start(const lab_trace_json *j, uint64_t ts) {
  return ts > j->start ? ts - j->start : 0;
}

/* The place of an event: its kind and its row. */
static void begin_row_event(lab_trace_json *j, const char *kind, int pid,
                            uint64_t tid) {
  lab_json_begin_object(&j->out, LAB_JSON_COMPACT);
  write_text_member(j, "ph", kind);
  lab_json_key(&j->out, "pid");
  lab_json_int(&j->out, pid);
  write_number_member(j, "tid", tid);
}

/* `{"ph":"X","pid":1,"tid":0,"ts":1.500,"name":`: the name is next. */
static void begin_event(lab_trace_json *j, const char *kind, int pid,
                        uint64_t tid, uint64_t ts) {
  begin_row_event(j, kind, pid, tid);
  write_time_member(j, "ts", since_start(j, ts));
  lab_json_key(&j->out, "name");
}

static void write_duration(lab_trace_json *j, lab_trace_slice s) {
  write_time_member(j, "dur", since_start(j, s.to) - since_start(j, s.from));
}

/* A mark in the row where it was made. */
static void write_scope(lab_trace_json *j) {
  write_text_member(j, "s", "t");
}

/* WHAT: "process_name" or "thread_name". */
static void write_row_name(lab_trace_json *j, const char *what, int pid,
                           uint64_t tid, const char *name) {
  begin_row_event(j, "M", pid, tid);
  write_text_member(j, "name", what);
  begin_args(j);
  write_text_member(j, "name", name);
  lab_json_end(&j->out);
  lab_json_end(&j->out);
}

static void write_numbered_row(lab_trace_json *j, int pid, uint64_t tid,
                               const char *name, unsigned number) {
  char text[32];
  snprintf(text, sizeof text, "%s-%u", name, number);
  write_row_name(j, "thread_name", pid, tid, text);
}

static void begin_text(lab_trace_json *j, uint64_t ts) {
  j->began = true;
  j->start = ts;
  lab_json_begin_object(&j->out, LAB_JSON_COMPACT);
  lab_json_key(&j->out, "traceEvents");
  lab_json_begin_array(&j->out, LAB_JSON_LINES);
  write_row_name(j, "process_name", TASKS, 0, "tasks");
  write_row_name(j, "process_name", REQUESTS, 0, "requests");
  write_row_name(j, "process_name", REGIONS, 0, "regions");
  write_row_name(j, "thread_name", TASKS, VM_PROC, "vm");
  write_row_name(j, "thread_name", TASKS, GC_ROW, "collector");
}

/* ---- what ran ------------------------------------------------------------ */

static running *proc_of(lab_trace_json *j, int proc) {
  size_t i = (size_t)proc;
  if (i >= j->nprocs) {
    j->procs = lab_xrealloc(j->procs, (i + 1) * sizeof *j->procs);
    memset(j->procs + j->nprocs, 0, (i + 1 - j->nprocs) * sizeof *j->procs);
    for (; j->nprocs <= i; j->nprocs++)
      if (j->nprocs > 0)
        write_numbered_row(j, TASKS, j->nprocs, "worker", (unsigned)j->nprocs);
  }
  return &j->procs[i];
}

static void note_start(lab_trace_json *j, const lab_trace_record *e,
                       uint32_t label) {
  running *p = proc_of(j, e->proc);
  *p = (running){e->args[0], e->ts, p->next, label};
}

/* What a goroutine did at WHEN; its stack is the last argument, if there is
 * one. */
static void write_stop(lab_trace_json *j, const lab_trace_record *e,
                       uint64_t when, uint64_t g, const char *why) {
  begin_event(j, "i", TASKS, (uint64_t)e->proc, when);
  lab_json_text(&j->out, why);
  write_scope(j);
  begin_args(j);
  write_number_member(j, "task", g);
  write_text_member(j, "then", why);
  if (e->nargs && e->args[e->nargs - 1])
    write_stack_member(j, (uint32_t)e->args[e->nargs - 1]);
  lab_json_end(&j->out);
  lab_json_end(&j->out);
}

/* A goroutine ran until now. WHY: what it did then. */
static void write_run(lab_trace_json *j, const lab_trace_record *e,
                      const char *why) {
  running *p = proc_of(j, e->proc);
  if (p->g == 0)
    return;
  const lab_trace_item *g = lab_trace_items_find(&j->goroutines, p->g);
  lab_trace_slice s = lab_trace_slice_after(&p->next, p->ts, e->ts);
  begin_event(j, "X", TASKS, (uint64_t)e->proc, s.from);
  if (p->label)
    write_recorded_string(j, p->label);
  else
    write_entry_function(j, g ? g->name : 0);
  write_duration(j, s);
  lab_json_end(&j->out);
  write_stop(j, e, s.to, p->g, why);
  p->g = 0;
}

/* ---- regions ------------------------------------------------------------- */

static void write_mark(lab_trace_json *j, const char *kind, lab_trace_item *g,
                       uint32_t name, uint64_t ts) {
  lab_trace_slice s = lab_trace_slice_after(&g->ts, ts, ts);
  begin_event(j, kind, REGIONS, g->key, s.from);
  write_recorded_string(j, name);
  lab_json_end(&j->out);
}

static void end_open_regions(lab_trace_json *j, lab_trace_item *g,
                             uint64_t ts) {
  while (g->region)
    write_mark(j, "E", g, lab_trace_open_pop(&j->regions, &g->region), ts);
}

static void end_goroutine(lab_trace_json *j, const lab_trace_record *e) {
  lab_trace_item *g =
      lab_trace_items_find(&j->goroutines, proc_of(j, e->proc)->g);
  write_run(j, e, "end");
  if (!g)
    return;
  end_open_regions(j, g, e->ts);
  lab_trace_items_drop(&j->goroutines, g);
}

/* ---- users' marks -------------------------------------------------------- */

/* The requests that are under way at a time have rows of their own. */
static uint32_t take_lane(lab_trace_json *j) {
  uint32_t i = 0;
  while (i < LANES - 1 && j->lanes[i].taken)
    i++;
  j->lanes[i].taken = true;
  if (i >= j->shown_lanes) {
    write_numbered_row(j, REQUESTS, i, "row", i + 1);
    j->shown_lanes = i + 1;
  }
  return i;
}

static void begin_request(lab_trace_json *j, const lab_trace_record *e) {
  lab_trace_item *t = lab_trace_items_add(&j->tasks, e->args[0]);
  t->ts = e->ts;
  t->name = (uint32_t)e->args[2];
  t->lane = take_lane(j);
}

static void write_request_event(lab_trace_json *j, const lab_trace_item *t,
                                uint64_t ts) {
  lab_trace_slice s = lab_trace_slice_after(&j->lanes[t->lane].next, t->ts, ts);
  begin_event(j, "X", REQUESTS, t->lane, s.from);
  write_recorded_string(j, t->name);
  write_duration(j, s);
  write_number_member(j, "id", t->key);
  lab_json_end(&j->out);
}

static void end_request(lab_trace_json *j, const lab_trace_record *e) {
  lab_trace_item *t = lab_trace_items_find(&j->tasks, e->args[0]);
  if (!t)
    return;
  write_request_event(j, t, e->ts);
  j->lanes[t->lane].taken = false;
  lab_trace_items_drop(&j->tasks, t);
}

/* E begins the region of a whole request, which has no end: requests have rows
 * of their own. A script's region may have its name, but not its stack. */
static bool is_whole_request(lab_trace_json *j, const lab_trace_item *g,
                             const lab_trace_record *e) {
  static const char leaf[] = "[network]:";
  return !g->region && e->args[1] == 0 &&
         strncmp(find_stack_text(j, (uint32_t)e->args[3]), leaf,
                 sizeof leaf - 1) == 0;
}

static void write_region_mark(lab_trace_json *j, const lab_trace_record *e) {
  uint32_t name = (uint32_t)e->args[2];
  lab_trace_item *g =
      lab_trace_items_find(&j->goroutines, proc_of(j, e->proc)->g);
  if (!g || is_whole_request(j, g, e))
    return;
  if (e->args[1]) {
    if (g->region)
      write_mark(j, "E", g, lab_trace_open_pop(&j->regions, &g->region), e->ts);
    return;
  }
  if (!g->region)
    write_numbered_row(j, REGIONS, g->key, "task", (unsigned)g->key);
  lab_trace_open_push(&j->regions, &g->region, name);
  write_mark(j, "B", g, name, e->ts);
}

static void write_log_line(lab_trace_json *j, const lab_trace_record *e) {
  begin_event(j, "i", TASKS, (uint64_t)e->proc, e->ts);
  lab_json_string(&j->out, e->text, e->len);
  write_scope(j);
  lab_json_end(&j->out);
}

static void write_cpu_sample(lab_trace_json *j, const lab_trace_record *e) {
  if ((int64_t)e->args[1] < 0)
    return;
  begin_event(j, "i", TASKS, e->args[1], e->args[0]);
  lab_json_text(&j->out, "CPU sample");
  write_scope(j);
  begin_args(j);
  write_stack_member(j, (uint32_t)e->args[3]);
  lab_json_end(&j->out);
  lab_json_end(&j->out);
}

/* ---- memory -------------------------------------------------------------- */

static void write_counter(lab_trace_json *j, uint64_t ts, const char *name,
                          const char *key, uint64_t value) {
  begin_event(j, "C", TASKS, 0, ts);
  lab_json_text(&j->out, name);
  begin_args(j);
  write_number_member(j, key, value);
  lab_json_end(&j->out);
  lab_json_end(&j->out);
}

static void write_heap_point(lab_trace_json *j, uint64_t ts) {
  write_counter(j, ts, "heap", "HeapAlloc", j->heap);
  write_counter(j, ts, "next collection", "NextGC", j->goal);
}

/* A cycle may have many steps, between which tasks run: what the collector does
 * is what stops them. */
static void write_collection(lab_trace_json *j, uint64_t ts) {
  if (j->gc == 0)
    return;
  lab_trace_slice s = lab_trace_slice_after(&j->gc_next, j->gc, ts);
  begin_event(j, "X", TASKS, GC_ROW, s.from);
  lab_json_text(&j->out, "[lua gc]");
  write_duration(j, s);
  lab_json_end(&j->out);
  j->gc = 0;
}

/* ---- events -------------------------------------------------------------- */

/* What a goroutine did at an event that ends its run; NULL: the event doesn't
 * end one. */
static const char *word_for_stop(int type) {
  static const char *const words[] = {
      [EV_GO_SCHED] = "yield",          [EV_GO_PREEMPT] = "end of its slice",
      [EV_GO_SLEEP] = "sleep",          [EV_GO_BLOCK] = "wait",
      [EV_GO_BLOCK_SEND] = "chan send", [EV_GO_BLOCK_RECV] = "chan receive",
      [EV_GO_BLOCK_SELECT] = "select",  [EV_GO_BLOCK_SYNC] = "lock",
      [EV_GO_BLOCK_COND] = "join",      [EV_GO_BLOCK_NET] = "IO wait",
      [EV_GO_SYSCALL] = "syscall",
  };
  bool known = type >= 0 && (size_t)type < sizeof words / sizeof *words;
  return known ? words[type] : NULL;
}

static void take_memory_event(lab_trace_json *j, const lab_trace_record *e) {
  if (e->type == EV_STW_START)
    j->gc = e->ts;
  else if (e->type == EV_STW_DONE)
    write_collection(j, e->ts);
  else if (e->type == EV_HEAP_GOAL)
    j->goal = e->args[0];
  else if (e->type == EV_HEAP_ALLOC) {
    j->heap = e->args[0];
    write_heap_point(j, e->ts);
  }
}

static void take_event(lab_trace_json *j, const lab_trace_record *e) {
  const char *why = word_for_stop(e->type);
  if (why) {
    write_run(j, e, why);
    return;
  }
  switch (e->type) {
  case EV_GO_CREATE:
    lab_trace_items_add(&j->goroutines, e->args[0])->name =
        (uint32_t)e->args[1];
    break;
  case EV_GO_START:
    note_start(j, e, 0);
    break;
  case EV_GO_START_LABEL:
    note_start(j, e, (uint32_t)e->args[2]);
    break;
  case EV_GO_END:
    end_goroutine(j, e);
    break;
  case EV_USER_TASK:
    begin_request(j, e);
    break;
  case EV_USER_TASK_END:
    end_request(j, e);
    break;
  case EV_USER_REGION:
    write_region_mark(j, e);
    break;
  case EV_USER_LOG:
    write_log_line(j, e);
    break;
  case EV_CPU_SAMPLE:
    write_cpu_sample(j, e);
    break;
  default:
    take_memory_event(j, e);
  }
}

/* ---- the whole ----------------------------------------------------------- */

lab_trace_json *lab_trace_json_new(lab_trace_namer *namer) {
  lab_trace_json *j = lab_xcalloc(1, sizeof *j);
  lab_json_start(&j->out, NULL); /* each call brings the buffer */
  j->namer = namer;
  return j;
}

void lab_trace_json_free(lab_trace_json *j) {
  if (!j)
    return;
  for (size_t i = 0; i < STACKS; i++)
    lab_xfree(j->stacks[i].text);
  lab_trace_items_free(&j->goroutines);
  lab_trace_items_free(&j->tasks);
  lab_xfree(j->procs);
  lab_trace_open_free(&j->regions);
  lab_xfree(j);
}

void lab_trace_json_add(lab_trace_json *j, const void *bytes, size_t n,
                        lab_buf *out) {
  lab_trace_decoder d;
  lab_trace_record e;
  lab_json_continue_in(&j->out, out);
  lab_trace_decode_begin(&d, bytes, n);
  while (lab_trace_decode(&d, &e)) {
    if (!j->began)
      begin_text(j, e.ts);
    if (e.ts > j->last)
      j->last = e.ts;
    take_event(j, &e);
  }
}

void lab_trace_json_end(lab_trace_json *j, lab_buf *out) {
  lab_json_continue_in(&j->out, out);
  if (!j->began)
    begin_text(j, 0);
  for (size_t i = 0; i < j->tasks.size; i++)
    if (j->tasks.items[i].key)
      write_request_event(j, &j->tasks.items[i], j->last);
  for (size_t i = 0; i < j->goroutines.size; i++)
    if (j->goroutines.items[i].key)
      end_open_regions(j, &j->goroutines.items[i], j->last);
  lab_json_end(&j->out);
  lab_json_end(&j->out);
  lab_json_finish(&j->out);
}
