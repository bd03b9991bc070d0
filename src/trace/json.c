/* SPDX-License-Identifier: MIT
 * See json.h. Only complete events ("X") and instants are written, with times
 * in microseconds since the beginning; viewers differ about the rest. */
#include "trace/json.h"

#include <string.h>

#include "base/alloc.h"
#include "base/hash.h"
#include "trace/decode.h"
#include "trace/record.h"

enum { STACKS = 1024, LANES = 4096, TEXT = 256 };
enum { TASKS = 1, REQUESTS = 2, REGIONS = 3 }; /* processes */
enum { GC_ROW = 10000 };

/* Something under way, by its key: a goroutine, or a user task. */
typedef struct item {
  uint64_t key; /* 0: empty */
  uint64_t ts;
  uint32_t name;  /* goroutine: its entry's stack; task: a string */
  uint32_t lane;  /* task */
  uint32_t depth; /* goroutine: open regions */
} item;

typedef struct map {
  item *items;
  size_t size, count;
} map;

/* What runs on a P. */
typedef struct running {
  uint64_t g, ts;
  uint32_t label; /* string, or 0 */
} running;

struct lab_trace_json {
  lab_trace_namer *namer;
  bool began;
  uint64_t start, last;
  map goroutines, tasks;
  running *procs;
  size_t nprocs;
  uint64_t gc;         /* begun, or 0 */
  uint64_t heap, goal; /* last known */
  bool lanes[LANES];
  uint32_t shown_lanes;
  struct {
    uint32_t stack;
    char *text;
  } stacks[STACKS]; /* rendered */
};

/* ---- the maps ------------------------------------------------------------ */

static item *slot(const map *m, uint64_t key) {
  size_t i = lab_hash_u64(key) & (m->size - 1);
  while (m->items[i].key && m->items[i].key != key)
    i = (i + 1) & (m->size - 1);
  return &m->items[i];
}

static item *find(const map *m, uint64_t key) {
  item *at = m->size ? slot(m, key) : NULL;
  return at && at->key ? at : NULL;
}

static item *add(map *m, uint64_t key) {
  if (2 * (m->count + 1) > m->size) {
    map larger = {NULL, m->size ? 2 * m->size : 64, m->count};
    larger.items = lab_xcalloc(larger.size, sizeof *larger.items);
    for (size_t i = 0; i < m->size; i++)
      if (m->items[i].key)
        *slot(&larger, m->items[i].key) = m->items[i];
    lab_xfree(m->items);
    *m = larger;
  }
  item *at = slot(m, key);
  m->count += at->key == 0;
  *at = (item){.key = key};
  return at;
}

/* What follows moves up, so that it is still found. */
static void drop(map *m, item *at) {
  size_t hole = (size_t)(at - m->items), mask = m->size - 1;
  for (size_t i = (hole + 1) & mask; m->items[i].key; i = (i + 1) & mask) {
    size_t home = lab_hash_u64(m->items[i].key) & mask;
    if (((i - home) & mask) >= ((i - hole) & mask)) {
      m->items[hole] = m->items[i];
      hole = i;
    }
  }
  m->items[hole].key = 0;
  m->count--;
}

/* ---- texts --------------------------------------------------------------- */

static void append_string(lab_buf *out, uint32_t number) {
  char text[TEXT];
  lab_buf_json_string(out, text, lab_trace_string_text(number, text, TEXT));
}

static void append_function(const lab_trace_json *j, lab_buf *out,
                            uint32_t stack) {
  lab_trace_frame frames[LAB_TRACE_DEPTH];
  size_t n = stack ? j->namer(stack, frames) : 0;
  const char *name = n ? frames[n - 1].function : "?";
  lab_buf_json_string(out, name, strlen(name));
}

/* "leaf:12 < caller:3", rendered once. */
static void append_stack(lab_trace_json *j, lab_buf *out, uint32_t stack) {
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
  lab_buf_json_string(out, *known, strlen(*known));
}

static double us(const lab_trace_json *j, uint64_t ts) {
  return ts > j->start ? (double)(ts - j->start) / 1000 : 0;
}

/* `{"ph":"X","pid":1,"tid":0,"ts":1.500,"name":`, with a comma before. */
static void head(const lab_trace_json *j, lab_buf *out, char ph, int pid,
                 uint64_t tid, uint64_t ts) {
  lab_buf_printf(out,
                 ",\n{\"ph\":\"%c\",\"pid\":%d,\"tid\":%llu,\"ts\":%.3f,"
                 "\"name\":",
                 ph, pid, (unsigned long long)tid, us(j, ts));
}

static void append_duration(const lab_trace_json *j, lab_buf *out,
                            uint64_t since, uint64_t ts) {
  lab_buf_printf(out, ",\"dur\":%.3f", us(j, ts) - us(j, since));
}

static void name_row(lab_buf *out, int pid, uint64_t tid, const char *name,
                     unsigned number) {
  lab_buf_printf(out,
                 ",\n{\"ph\":\"M\",\"pid\":%d,\"tid\":%llu,\"name\":"
                 "\"thread_name\",\"args\":{\"name\":\"%s",
                 pid, (unsigned long long)tid, name);
  if (number)
    lab_buf_printf(out, "-%u", number);
  lab_buf_puts(out, "\"}}");
}

static void name_process(lab_buf *out, int pid, const char *name) {
  lab_buf_printf(out,
                 "%s{\"ph\":\"M\",\"pid\":%d,\"tid\":0,\"name\":"
                 "\"process_name\",\"args\":{\"name\":\"%s\"}}",
                 pid == TASKS ? "\n" : ",\n", pid, name);
}

static void begin(lab_trace_json *j, uint64_t ts, lab_buf *out) {
  j->began = true;
  j->start = ts;
  lab_buf_puts(out, "{\"traceEvents\":[");
  name_process(out, TASKS, "tasks");
  name_process(out, REQUESTS, "requests");
  name_process(out, REGIONS, "regions");
  name_row(out, TASKS, VM_PROC, "vm", 0);
  name_row(out, TASKS, GC_ROW, "collector", 0);
}

/* ---- what ran ------------------------------------------------------------ */

static running *proc_of(lab_trace_json *j, int proc, lab_buf *out) {
  size_t i = (size_t)proc;
  if (i >= j->nprocs) {
    j->procs = lab_xrealloc(j->procs, (i + 1) * sizeof *j->procs);
    memset(j->procs + j->nprocs, 0, (i + 1 - j->nprocs) * sizeof *j->procs);
    for (; j->nprocs <= i; j->nprocs++)
      if (j->nprocs > 0)
        name_row(out, TASKS, j->nprocs, "worker", (unsigned)j->nprocs);
  }
  return &j->procs[i];
}

static void start(lab_trace_json *j, const lab_trace_record *e, uint32_t label,
                  lab_buf *out) {
  *proc_of(j, e->proc, out) = (running){e->args[0], e->ts, label};
}

/* WHY: what it did then; its stack is the last argument, if there is one. */
static void stop(lab_trace_json *j, const lab_trace_record *e, const char *why,
                 lab_buf *out) {
  running *p = proc_of(j, e->proc, out);
  if (p->g == 0)
    return;
  const item *g = find(&j->goroutines, p->g);
  head(j, out, 'X', TASKS, (uint64_t)e->proc, p->ts);
  if (p->label)
    append_string(out, p->label);
  else
    append_function(j, out, g ? g->name : 0);
  append_duration(j, out, p->ts, e->ts);
  lab_buf_printf(out, ",\"args\":{\"task\":%llu,\"then\":\"%s\"",
                 (unsigned long long)p->g, why);
  if (e->nargs && e->args[e->nargs - 1]) {
    lab_buf_puts(out, ",\"stack\":");
    append_stack(j, out, (uint32_t)e->args[e->nargs - 1]);
  }
  lab_buf_puts(out, "}}");
  p->g = 0;
}

static void end_regions(const lab_trace_json *j, item *g, uint64_t ts,
                        lab_buf *out) {
  for (; g->depth > 0; g->depth--) {
    head(j, out, 'E', REGIONS, g->key, ts);
    lab_buf_puts(out, "\"\"}");
  }
}

static void end_task(lab_trace_json *j, const lab_trace_record *e,
                     lab_buf *out) {
  item *g = find(&j->goroutines, proc_of(j, e->proc, out)->g);
  stop(j, e, "end", out);
  if (!g)
    return;
  end_regions(j, g, e->ts, out);
  drop(&j->goroutines, g);
}

/* ---- users' marks -------------------------------------------------------- */

/* The requests that are under way at a time have rows of their own. */
static uint32_t take_lane(lab_trace_json *j, lab_buf *out) {
  uint32_t lane = 0;
  while (lane < LANES - 1 && j->lanes[lane])
    lane++;
  j->lanes[lane] = true;
  if (lane >= j->shown_lanes) {
    name_row(out, REQUESTS, lane, "row", lane + 1);
    j->shown_lanes = lane + 1;
  }
  return lane;
}

static void begin_request(lab_trace_json *j, const lab_trace_record *e,
                          lab_buf *out) {
  item *t = add(&j->tasks, e->args[0]);
  t->ts = e->ts;
  t->name = (uint32_t)e->args[2];
  t->lane = take_lane(j, out);
}

static void put_request(lab_trace_json *j, const item *t, uint64_t ts,
                        lab_buf *out) {
  head(j, out, 'X', REQUESTS, t->lane, t->ts);
  append_string(out, t->name);
  append_duration(j, out, t->ts, ts);
  lab_buf_printf(out, ",\"args\":{\"id\":%llu}}", (unsigned long long)t->key);
}

static void end_request(lab_trace_json *j, const lab_trace_record *e,
                        lab_buf *out) {
  item *t = find(&j->tasks, e->args[0]);
  if (!t)
    return;
  put_request(j, t, e->ts, out);
  j->lanes[t->lane] = false;
  drop(&j->tasks, t);
}

/* Those of the requests themselves are shown as requests. */
static void region_mark(lab_trace_json *j, const lab_trace_record *e,
                        lab_buf *out) {
  char name[TEXT];
  uint32_t number = (uint32_t)e->args[2];
  item *g = find(&j->goroutines, proc_of(j, e->proc, out)->g);
  size_t len = lab_trace_string_text(number, name, TEXT);
  if (!g || (len == 7 && memcmp(name, "request", 7) == 0))
    return;
  bool ends = e->args[1];
  if (!ends && g->depth == 0)
    name_row(out, REGIONS, g->key, "task", (unsigned)g->key);
  g->depth += ends ? -1u : 1u;
  head(j, out, ends ? 'E' : 'B', REGIONS, g->key, e->ts);
  lab_buf_json_string(out, name, len);
  lab_buf_putc(out, '}');
}

static void log_line(lab_trace_json *j, const lab_trace_record *e,
                     lab_buf *out) {
  head(j, out, 'i', TASKS, (uint64_t)e->proc, e->ts);
  lab_buf_json_string(out, e->text, e->len);
  lab_buf_puts(out, ",\"s\":\"t\"}");
}

static void cpu_sample(lab_trace_json *j, const lab_trace_record *e,
                       lab_buf *out) {
  if ((int64_t)e->args[1] < 0)
    return;
  head(j, out, 'i', TASKS, e->args[1], e->args[0]);
  lab_buf_puts(out, "\"CPU sample\",\"s\":\"t\",\"args\":{\"stack\":");
  append_stack(j, out, (uint32_t)e->args[3]);
  lab_buf_puts(out, "}}");
}

/* ---- memory -------------------------------------------------------------- */

static void heap_point(lab_trace_json *j, uint64_t ts, lab_buf *out) {
  head(j, out, 'C', TASKS, 0, ts);
  lab_buf_printf(out, "\"heap\",\"args\":{\"HeapAlloc\":%llu}}",
                 (unsigned long long)j->heap);
  head(j, out, 'C', TASKS, 0, ts);
  lab_buf_printf(out, "\"next collection\",\"args\":{\"NextGC\":%llu}}",
                 (unsigned long long)j->goal);
}

static void end_gc(lab_trace_json *j, uint64_t ts, lab_buf *out) {
  if (j->gc == 0)
    return;
  head(j, out, 'X', TASKS, GC_ROW, j->gc);
  lab_buf_puts(out, "\"[lua gc]\"");
  append_duration(j, out, j->gc, ts);
  lab_buf_putc(out, '}');
  j->gc = 0;
}

/* ---- events -------------------------------------------------------------- */

/* Words for what ends a stretch of running, or NULL. */
static const char *stops(int type) {
  switch (type) {
  case EV_GO_SCHED:
    return "yield";
  case EV_GO_PREEMPT:
    return "end of its slice";
  case EV_GO_SLEEP:
    return "sleep";
  case EV_GO_BLOCK:
    return "wait";
  case EV_GO_BLOCK_SEND:
    return "chan send";
  case EV_GO_BLOCK_RECV:
    return "chan receive";
  case EV_GO_BLOCK_SELECT:
    return "select";
  case EV_GO_BLOCK_SYNC:
    return "lock";
  case EV_GO_BLOCK_COND:
    return "join";
  case EV_GO_BLOCK_NET:
    return "IO wait";
  case EV_GO_SYSCALL:
    return "syscall";
  default:
    return NULL;
  }
}

static void memory_event(lab_trace_json *j, const lab_trace_record *e,
                         lab_buf *out) {
  if (e->type == EV_GC_START)
    j->gc = e->ts;
  else if (e->type == EV_GC_DONE)
    end_gc(j, e->ts, out);
  else if (e->type == EV_HEAP_GOAL)
    j->goal = e->args[0];
  else if (e->type == EV_HEAP_ALLOC) {
    j->heap = e->args[0];
    heap_point(j, e->ts, out);
  }
}

static void event(lab_trace_json *j, const lab_trace_record *e, lab_buf *out) {
  const char *why = stops(e->type);
  if (why) {
    stop(j, e, why, out);
    return;
  }
  switch (e->type) {
  case EV_GO_CREATE:
    add(&j->goroutines, e->args[0])->name = (uint32_t)e->args[1];
    break;
  case EV_GO_START:
    start(j, e, 0, out);
    break;
  case EV_GO_START_LABEL:
    start(j, e, (uint32_t)e->args[2], out);
    break;
  case EV_GO_END:
    end_task(j, e, out);
    break;
  case EV_USER_TASK:
    begin_request(j, e, out);
    break;
  case EV_USER_TASK_END:
    end_request(j, e, out);
    break;
  case EV_USER_REGION:
    region_mark(j, e, out);
    break;
  case EV_USER_LOG:
    log_line(j, e, out);
    break;
  case EV_CPU_SAMPLE:
    cpu_sample(j, e, out);
    break;
  default:
    memory_event(j, e, out);
  }
}

/* ---- the whole ----------------------------------------------------------- */

lab_trace_json *lab_trace_json_new(lab_trace_namer *namer) {
  lab_trace_json *j = lab_xcalloc(1, sizeof *j);
  j->namer = namer;
  return j;
}

void lab_trace_json_free(lab_trace_json *j) {
  if (!j)
    return;
  for (size_t i = 0; i < STACKS; i++)
    lab_xfree(j->stacks[i].text);
  lab_xfree(j->goroutines.items);
  lab_xfree(j->tasks.items);
  lab_xfree(j->procs);
  lab_xfree(j);
}

void lab_trace_json_add(lab_trace_json *j, const void *bytes, size_t n,
                        lab_buf *out) {
  lab_trace_decoder d;
  lab_trace_record e;
  lab_trace_decode_begin(&d, bytes, n);
  while (lab_trace_decode(&d, &e)) {
    if (!j->began)
      begin(j, e.ts, out);
    if (e.ts > j->last)
      j->last = e.ts;
    event(j, &e, out);
  }
}

void lab_trace_json_end(lab_trace_json *j, lab_buf *out) {
  if (!j->began)
    begin(j, 0, out);
  for (size_t i = 0; i < j->tasks.size; i++)
    if (j->tasks.items[i].key)
      put_request(j, &j->tasks.items[i], j->last, out);
  for (size_t i = 0; i < j->goroutines.size; i++)
    if (j->goroutines.items[i].key)
      end_regions(j, &j->goroutines.items[i], j->last, out);
  lab_buf_puts(out, "\n]}\n");
}
