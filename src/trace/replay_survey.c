/* SPDX-License-Identifier: MIT
 * See replay_survey.h. */
#include "trace/replay_survey.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/hash.h"
#include "trace/proc.h"

/* Room for one more in an array of N that grows at powers of two. */
static void make_room_for_one(void *array, uint32_t n, size_t size) {
  void **items = array;
  if ((n & (n - 1)) == 0)
    *items = lab_xrealloc(*items, (n ? 2 * (size_t)n : 1) * size);
}

actor *lab_replay_find(lab_trace_replay *r, uint64_t id) {
  lab_table_walk walk = lab_table_find(&r->actor_table, lab_hash_u64(id));
  for (uint32_t n; (n = lab_table_next(&walk));)
    if (r->actors[n - 1].facts.id == id)
      return &r->actors[n - 1];
  return NULL;
}

static actor *meet_actor(lab_trace_replay *r, uint64_t id) {
  actor *a = lab_replay_find(r, id);
  if (a)
    return a;
  make_room_for_one(&r->actors, r->nactors, sizeof *r->actors);
  a = &r->actors[r->nactors++];
  *a = (actor){.facts.id = id};
  lab_table_add(&r->actor_table, lab_hash_u64(id), r->nactors);
  return a;
}

static user_task *meet_user_task(lab_trace_replay *r, uint64_t id,
                                 bool *is_new) {
  lab_table_walk walk = lab_table_find(&r->task_table, lab_hash_u64(id));
  *is_new = false;
  for (uint32_t n; (n = lab_table_next(&walk));)
    if (r->tasks[n - 1].id == id)
      return &r->tasks[n - 1];
  *is_new = true;
  make_room_for_one(&r->tasks, r->ntasks, sizeof *r->tasks);
  r->tasks[r->ntasks++] = (user_task){.id = id};
  lab_table_add(&r->task_table, lab_hash_u64(id), r->ntasks);
  return &r->tasks[r->ntasks - 1];
}

static void note_facts(actor *a, const lab_flight_record *e) {
  a->facts.task = e->args[1];
  a->facts.entry = (uint32_t)e->args[2];
  a->facts.creator = (uint32_t)e->args[3];
  a->facts.serves = e->args[4] != 0;
}

static void note_replayed_wait(actor *a, uint64_t why, uint64_t stack) {
  a->state = why == LAB_TRACE_SYSCALL ? IN_SYSCALL : WAITING;
  a->why = (uint8_t)why;
  a->stack = (uint32_t)stack;
}

/* E is before the beginning: what A does after it. */
static void follow_state(actor *a, const lab_flight_record *e) {
  switch (e->kind) {
  case FLIGHT_CREATE:
  case FLIGHT_UNBLOCK:
  case FLIGHT_UNBLOCK_OLD:
    a->state = RUNNABLE;
    break;
  case FLIGHT_START:
    a->state = RUNNING;
    break;
  case FLIGHT_BLOCK:
    note_replayed_wait(a, e->args[1], e->args[2]);
    break;
  case FLIGHT_YIELD:
    a->state = RUNNABLE;
    a->stack = (uint32_t)e->args[2];
    break;
  default: /* its end */
    a->state = UNKNOWN;
    a->settled = true;
  }
}

/* E is the first one of A, and after the beginning: what A did before it. */
static void infer_state(actor *a, const lab_flight_record *e) {
  switch (e->kind) {
  case FLIGHT_CREATE:
    break;
  case FLIGHT_START:
    a->state = RUNNABLE;
    break;
  case FLIGHT_UNBLOCK_OLD:
    note_replayed_wait(a, e->args[3], e->args[4]);
    break;
  case FLIGHT_UNBLOCK: /* its wait is in the ring: it can't be the first one */
    note_replayed_wait(a, LAB_TRACE_BLOCK, 0);
    break;
  default:
    a->state = RUNNING;
  }
}

static void survey_goroutine(lab_trace_replay *r, const lab_flight_record *e) {
  actor *a = meet_actor(r, e->args[0]);
  if (e->kind == FLIGHT_CREATE || e->kind == FLIGHT_END_OLD)
    note_facts(a, e);
  if (e->now < r->from) {
    follow_state(a, e);
    return;
  }
  if (!a->settled && a->state == UNKNOWN)
    infer_state(a, e);
  a->settled = true;
}

static open_region tell_of_region(const lab_flight_record *e) {
  return (open_region){e->text, e->len, e->args[1], (uint32_t)e->args[3], 0};
}

/* Adds an open region of A. OUTER: outside all that are known, or within. */
static void add_open_region(lab_trace_replay *r, actor *a, open_region of,
                            bool outer) {
  make_room_for_one(&r->regions, r->nregions, sizeof *r->regions);
  open_region *o = &r->regions[r->nregions++];
  *o = of;
  if (!a->innermost) {
    a->innermost = a->outermost = r->nregions;
  } else if (outer) {
    r->regions[a->outermost - 1].outer = r->nregions;
    a->outermost = r->nregions;
  } else {
    o->outer = a->innermost;
    a->innermost = r->nregions;
  }
}

static void survey_region(lab_trace_replay *r, const lab_flight_record *e) {
  actor *a = meet_actor(r, e->args[0]);
  bool enters = e->args[2] != 0;
  if (e->now < r->from) {
    if (enters) {
      add_open_region(r, a, tell_of_region(e), false);
      a->left++;
    } else if (a->innermost) {
      a->innermost = r->regions[a->innermost - 1].outer;
      a->left--;
    }
  } else if (enters) {
    a->entered++;
  } else if (a->entered > 0) {
    a->entered--;
  } else if (a->left > 0) {
    a->left--;
  } else {
    add_open_region(r, a, tell_of_region(e), true);
  }
}

static void survey_user_task(lab_trace_replay *r, const lab_flight_record *e) {
  bool begins = e->kind == FLIGHT_TASK, is_new, before = e->now < r->from;
  user_task *t = meet_user_task(r, e->args[0], &is_new);
  t->parent = e->args[1];
  if (begins) {
    t->text = e->text;
    t->len = e->len;
    t->stack = (uint32_t)e->args[2];
    t->open = before;
  } else if (before) {
    t->open = false;
  } else if (is_new && e->kind == FLIGHT_TASK_OLD) {
    t->text = e->text;
    t->len = e->len;
    t->open = true;
  }
}

static void survey_record(lab_trace_replay *r, const lab_flight_record *e) {
  if (e->kind <= FLIGHT_END_OLD)
    survey_goroutine(r, e);
  else if (e->kind == FLIGHT_REGION)
    survey_region(r, e);
  else if (e->kind <= FLIGHT_TASK_OLD)
    survey_user_task(r, e);
  else if (e->kind == FLIGHT_HEAP && e->now < r->from)
    r->heap = e->args[0];
}

/* A user task that is open at the cut: if it has no records, it was so all the
 * time. */
static void note_present_user_task(lab_trace_replay *r, uint64_t id,
                                   uint64_t parent, const char *name) {
  bool is_new;
  user_task *u = meet_user_task(r, id, &is_new);
  if (!is_new)
    return;
  u->parent = parent;
  u->text = name;
  u->len = lab_flight_text_length(name);
  u->open = true;
}

/* The user task in which all of T is but its innermost N scopes. */
static uint64_t find_task_outside(const lab_replay_task *t, size_t n) {
  return n < t->nscopes ? t->scopes[n].task : t->facts.task;
}

/* Of the regions of A that are open at the cut, the records have the beginnings
 * of some, which are within all others. */
static void survey_present_scopes(lab_trace_replay *r, actor *a,
                                  const lab_replay_task *t) {
  uint32_t known = a->entered + a->left;
  for (size_t i = 0; i < t->nscopes; i++) {
    const lab_replay_scope *s = &t->scopes[i];
    if (!s->is_region) {
      note_present_user_task(r, s->task, find_task_outside(t, i + 1), s->text);
    } else if (known > 0) {
      known--;
    } else {
      const open_region o = {.text = s->text,
                             .len = lab_flight_text_length(s->text),
                             .task = s->task,
                             .stack = t->stack};
      add_open_region(r, a, o, true);
    }
  }
}

/* A goroutine at the cut. */
static void survey_present(lab_trace_replay *r, const lab_replay_task *t) {
  actor *a = meet_actor(r, t->facts.id);
  if (a->facts.entry == 0)
    a->facts = t->facts;
  if (!a->settled && a->state == UNKNOWN) {
    if (t->waits)
      note_replayed_wait(a, t->why, t->stack);
    else
      a->state = RUNNABLE;
    a->stack = t->stack;
  }
  a->settled = true;
  survey_present_scopes(r, a, t);
  if (t->name && t->facts.task)
    note_present_user_task(r, t->facts.task, 0, t->name);
}

static int compare_user_tasks(const void *a, const void *b) {
  uint64_t x = ((const user_task *)a)->id, y = ((const user_task *)b)->id;
  return (x > y) - (x < y);
}

/* Each has a greater number than the one outside. The table of their places is
 * of no use any more. */
static void sort_user_tasks(lab_trace_replay *r) {
  lab_table_free(&r->task_table);
  if (r->ntasks)
    qsort(r->tasks, r->ntasks, sizeof *r->tasks, compare_user_tasks);
}

/* One that began in a task which has ended is within none: readers fail to find
 * what isn't in the trace. The user tasks are sorted. */
static void drop_ended_parents(lab_trace_replay *r) {
  for (uint32_t i = 0; i < r->ntasks; i++) {
    const user_task key = {.id = r->tasks[i].parent};
    const user_task *parent =
        bsearch(&key, r->tasks, i, sizeof *r->tasks, compare_user_tasks);
    if (!parent || !parent->open)
      r->tasks[i].parent = 0;
  }
}

void lab_replay_survey(lab_trace_replay *r) {
  lab_flight_record e;
  for (size_t i = 0; i < r->in->cut.nchunks; i++) {
    lab_flight_read_begin(&r->reader, r->in->cut.chunks[i]);
    while (lab_flight_read(&r->reader, &e))
      survey_record(r, &e);
  }
  for (size_t i = 0; i < r->in->ntasks; i++)
    survey_present(r, &r->in->tasks[i]);
  sort_user_tasks(r);
  drop_ended_parents(r);
}
