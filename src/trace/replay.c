/* SPDX-License-Identifier: MIT
 * See replay.h. The records are read twice: first to find out what there was at
 * the beginning (replay_survey.h), then to play them. */
#include "trace/replay.h"

#include <string.h>

#include "base/alloc.h"
#include "trace/proc.h"
#include "trace/replay_survey.h"

enum { PIECE = 512 << 10 }; /* bytes of the recording in one step */

/* HeapAlloc at the present of the only replay. */
static uint64_t heap_now;

static uint64_t read_heap_now(void) {
  return heap_now;
}

/* ---- the beginning of the trace ------------------------------------------ */

static const char *copy_record_text(char out[LAB_FLIGHT_TEXT + 1],
                                    const char *text, size_t len) {
  memcpy(out, text, len);
  out[len] = '\0';
  return out;
}

/* What a user task is called by: requests have no stack of their own. */
static uint32_t choose_stack(const lab_trace_replay *r, uint64_t stack) {
  return stack ? (uint32_t)stack : r->in->region;
}

/* The outermost first. */
static void open_regions(lab_trace_replay *r, actor *a) {
  char name[LAB_FLIGHT_TEXT + 1];
  uint32_t outer_first = 0;
  for (uint32_t i = a->innermost; i;) {
    open_region *o = &r->regions[i - 1];
    uint32_t next = o->outer;
    o->outer = outer_first;
    outer_first = i;
    i = next;
  }
  for (uint32_t i = outer_first; i; i = r->regions[i - 1].outer) {
    const open_region *o = &r->regions[i - 1];
    a->g.task = o->task;
    lab_trace_region_begin(copy_record_text(name, o->text, o->len), o->stack,
                           r->from);
  }
  a->g.task = a->facts.task;
}

static void start_actor(const lab_trace_replay *r, actor *a, uint64_t now) {
  bool first = a->g.seq == 1;
  lab_trace_go_start(&a->g, now);
  if (first && a->facts.serves)
    lab_trace_region_begin("request", r->in->region, now);
}

static void create_actor(actor *a, uint64_t now) {
  a->g = (lab_trace_g){.id = a->facts.id, .task = a->facts.task};
  lab_trace_go_create(&a->g, a->facts.entry, a->facts.creator, now);
}

static void show_actor(lab_trace_replay *r, actor *a) {
  create_actor(a, r->from);
  if (a->state == RUNNABLE && !a->stack && !a->innermost)
    return; /* it has not begun, or nothing is known of it */
  start_actor(r, a, r->from);
  open_regions(r, a);
  if (a->state == RUNNABLE)
    lab_trace_go_yield(&a->g, true, a->stack, r->from);
  else if (a->state != RUNNING)
    lab_trace_go_block(&a->g, (lab_trace_why)a->why, a->stack, r->from);
}

/* What runs comes last, since the others run for a moment to be shown. */
static void show_all(lab_trace_replay *r) {
  char name[LAB_FLIGHT_TEXT + 1];
  for (uint32_t i = 0; i < r->ntasks; i++) {
    const user_task *t = &r->tasks[i];
    if (t->open)
      lab_trace_task_begin(t->id, t->parent,
                           copy_record_text(name, t->text, t->len),
                           choose_stack(r, t->stack), r->from);
  }
  for (uint32_t i = 0; i < r->nactors; i++)
    if (r->actors[i].state != UNKNOWN && r->actors[i].state != RUNNING)
      show_actor(r, &r->actors[i]);
  for (uint32_t i = 0; i < r->nactors; i++)
    if (r->actors[i].state == RUNNING)
      show_actor(r, &r->actors[i]);
}

int lab_trace_replay_open(lab_trace_replay *r, lab_trace_config config,
                          const char *remark, uint64_t visit) {
  r->visit = visit > r->from ? visit : 0;
  config.heap = read_heap_now;
  config.present = r->from;
  config.max_events = UINT64_MAX;
  config.pool = SIZE_MAX;
  config.workers = r->in->cut.workers;
  int rc = lab_trace_open(&config);
  if (rc)
    return rc;
  show_all(r);
  lab_trace_start(r->in->next_gc);
  if (*remark)
    lab_trace_log(0, "diaglab", remark, strlen(remark), 0);
  return 0;
}

/* ---- playing ------------------------------------------------------------- */

static void play_goroutine(lab_trace_replay *r, const lab_flight_record *e) {
  actor *a = lab_replay_find(r, e->args[0]);
  uint64_t now = e->now;
  switch (e->kind) {
  case FLIGHT_CREATE:
    create_actor(a, now);
    break;
  case FLIGHT_START:
    start_actor(r, a, now);
    break;
  case FLIGHT_BLOCK:
    lab_trace_go_block(&a->g, (lab_trace_why)e->args[1], (uint32_t)e->args[2],
                       now);
    break;
  case FLIGHT_YIELD:
    lab_trace_go_yield(&a->g, e->args[1] != 0, (uint32_t)e->args[2], now);
    break;
  case FLIGHT_UNBLOCK:
  case FLIGHT_UNBLOCK_OLD:
    lab_trace_go_unblock(&a->g, (uint32_t)e->args[1],
                         e->args[2] ? now - (e->args[2] - 1) : 0, now);
    break;
  default:
    lab_trace_go_end(&a->g, now);
  }
}

static void play_region(lab_trace_replay *r, const lab_flight_record *e) {
  char name[LAB_FLIGHT_TEXT + 1];
  copy_record_text(name, e->text, e->len);
  lab_replay_find(r, e->args[0])->g.task = e->args[1];
  if (e->args[2])
    lab_trace_region_begin(name, (uint32_t)e->args[3], e->now);
  else
    lab_trace_region_end(name, (uint32_t)e->args[3], e->now);
}

/* One that began before the trace begins with it. */
static void play_job(const lab_trace_replay *r, const lab_flight_record *e) {
  char label[LAB_FLIGHT_TEXT + 1];
  uint64_t ended = e->now - e->args[1], began = ended - e->args[2];
  lab_trace_job_begin((unsigned)e->args[0],
                      copy_record_text(label, e->text, e->len),
                      (uint32_t)e->args[3], began > r->from ? began : r->from);
  lab_trace_job_end((unsigned)e->args[0], ended > r->from ? ended : r->from);
}

static void play_record(lab_trace_replay *r, const lab_flight_record *e) {
  char name[LAB_FLIGHT_TEXT + 1];
  lab_trace_set_present(e->now);
  switch (e->kind) {
  case FLIGHT_REGION:
    play_region(r, e);
    break;
  case FLIGHT_TASK:
    lab_trace_task_begin(e->args[0], e->args[1],
                         copy_record_text(name, e->text, e->len),
                         choose_stack(r, e->args[2]), e->now);
    break;
  case FLIGHT_TASK_END:
  case FLIGHT_TASK_OLD:
    lab_trace_task_end(e->args[0], choose_stack(r, e->args[2]), e->now);
    break;
  case FLIGHT_LOG:
    lab_trace_log(e->args[0], "log", e->text, e->len, (uint32_t)e->args[1]);
    break;
  case FLIGHT_QUEUED:
    lab_trace_queued(e->args[0], e->args[1]);
    break;
  case FLIGHT_JOB:
    play_job(r, e);
    break;
  case FLIGHT_GC_BEGIN:
    lab_trace_gc_begin((uint32_t)e->args[0]);
    break;
  case FLIGHT_GC_END:
    lab_trace_gc_end(e->args[0] != 0, e->args[1]);
    break;
  case FLIGHT_HEAP:
    heap_now = e->args[0];
    lab_trace_heap();
    break;
  default:
    play_goroutine(r, e);
  }
}

/* NOW: of the next record, or the end. */
static void mark_visit(lab_trace_replay *r, uint64_t now) {
  if (r->visit == 0 || now < r->visit)
    return;
  lab_trace_set_present(r->visit);
  lab_trace_log(0, "diaglab", LAB_TRACE_VISIT, strlen(LAB_TRACE_VISIT), 0);
  r->visit = 0;
}

static bool read_next(lab_trace_replay *r, lab_flight_record *e) {
  for (;;) {
    if (r->in_chunk && lab_flight_read(&r->reader, e))
      return true;
    if (r->chunk == r->in->cut.nchunks)
      return false;
    lab_flight_read_begin(&r->reader, r->in->cut.chunks[r->chunk++]);
    r->in_chunk = true;
  }
}

static void end_replay(lab_trace_replay *r) {
  if (r->visit > r->until) /* there was a switch meanwhile */
    r->visit = r->until;
  mark_visit(r, r->until);
  lab_trace_set_present(r->until);
  for (unsigned i = 0; i < r->in->cut.workers; i++) {
    const lab_flight_job *j = &r->in->cut.jobs[i];
    if (j->busy)
      lab_trace_job_begin(i, j->label, j->stack,
                          j->began > r->from ? j->began : r->from);
  }
  heap_now = r->in->heap;
  lab_trace_seal(NULL);
}

bool lab_trace_replay_step(lab_trace_replay *r) {
  lab_flight_record e;
  while (!lab_trace_has_waiting(PIECE)) {
    if (!read_next(r, &e)) {
      end_replay(r);
      return false;
    }
    if (e.now >= r->from) {
      mark_visit(r, e.now);
      play_record(r, &e);
    }
  }
  return true;
}

/* ---- life ---------------------------------------------------------------- */

lab_trace_replay *lab_trace_replay_new(const lab_replay_input *input,
                                       uint64_t ns) {
  lab_trace_replay *r = lab_xcalloc(1, sizeof *r);
  const lab_flight_cut *cut = &input->cut;
  r->in = input;
  r->until = cut->at;
  r->from = ns < cut->at ? cut->at - ns : 0;
  if (r->from < cut->from)
    r->from = cut->from;
  r->heap = input->heap;
  lab_replay_survey(r);
  heap_now = r->heap;
  return r;
}

void lab_trace_replay_free(lab_trace_replay *r) {
  if (!r)
    return;
  lab_table_free(&r->actor_table);
  lab_table_free(&r->task_table);
  lab_xfree(r->actors);
  lab_xfree(r->tasks);
  lab_xfree(r->regions);
  lab_xfree(r);
}

uint64_t lab_trace_replay_ns(const lab_trace_replay *r) {
  return r->until - r->from;
}
