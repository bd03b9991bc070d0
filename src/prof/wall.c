/* SPDX-License-Identifier: MIT
 * See wall.h.
 *
 * When the time begins nothing needs to be known of the tasks: a task that
 * leaves a state has the time since when it was in it. When the time ends, all
 * tasks must be looked at for the state in which they still are, and there may
 * be a million of them. So that is done in slices, in the order of their ids. A
 * task that changes its state meanwhile is counted at that change if it hasn't
 * been looked at yet, and not again if it has. Time after the end is cut off,
 * so the result is exact, as if all tasks had been looked at in one moment.
 *
 * Threads: the scheduler's fills the tables; once it has stopped watching they
 * are the owner's. */
#include "prof/wall.h"

#include <stdatomic.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "prof/attempt.h"
#include "prof/cpu.h"
#include "prof/wall_internal.h"

static const uint64_t SLICE_NS = 2 * LAB_MILLISECOND;
enum { BETWEEN_LOOKS = 64 }; /* tasks between two looks at the clock */

/* ---- accounting: the scheduler's thread ---------------------------------- */

void lab_wall_add(lab_wall_table *t, lab_key key, uint64_t ns) {
  size_t known = t->keys.count;
  size_t i = lab_keymap_add(&t->keys, key);
  uint64_t none = 0;
  if (i == known)
    lab_buf_append(&t->ns, &none, sizeof none);
  lab_wall_ns(t)[i] += ns;
}

/* As far as it is in the profile's time. */
static void add_part(lab_wall *w, lab_key key, uint64_t from, uint64_t until) {
  if (from < w->began_mono)
    from = w->began_mono;
  uint64_t end = atomic_load_explicit(&w->ended_mono, memory_order_acquire);
  if (until > end)
    until = end;
  if (until > from)
    lab_wall_add(&w->states, key, until - from);
}

/* TASK was in STATE, at STACK, between FROM and UNTIL. */
static void add_state_time(lab_wall *w, const lab_task *task, uint64_t state,
                           uint32_t stack, uint64_t from, uint64_t until) {
  if (task->hidden && task->state != LAB_TASK_RUNNING)
    return;
  if (task->id == w->relabelled && w->relabelled_at > from)
    from = w->relabelled_at;
  add_part(w, (lab_key){stack, task->label, state}, from, until);
}

/* TASK's while it waits or could run: it may have been sent there before the
 * profile began, when nobody asked for its stack. */
static uint32_t find_stack(const lab_wall *w, const lab_task *task) {
  if (task->state == LAB_TASK_RUNNING)
    return 0;
  if (task->stack == 0 && task->state == LAB_TASK_RUNNABLE && w->find_stack)
    return w->find_stack(task);
  return task->stack;
}

/* TASK was in its state until UNTIL; or, if the time for which it waited was
 * over before, it could run from then on. */
static void account_state(lab_wall *w, const lab_task *task, uint64_t until) {
  /* A new one leaves RUNNABLE at 0, then waits for nothing. */
  if (task->since == 0 ||
      (task->state == LAB_TASK_WAITING && task->wait == LAB_WAIT_NONE))
    return;
  uint64_t due = lab_task_due(task);
  uint64_t left = due < until ? due : until;
  uint32_t stack = find_stack(w, task);
  add_state_time(w, task, LAB_WALL_STATE(task->state, task->wait), stack,
                 task->since, left);
  add_state_time(w, task, LAB_WALL_STATE(LAB_TASK_RUNNABLE, LAB_WAIT_NONE),
                 stack, left, until);
}

static void note_state_change(lab_task_sink *sink, const lab_task *task,
                              lab_task_state next, lab_wait why, uint32_t stack,
                              uint64_t now) {
  lab_wall *w = LAB_CONTAINER(sink, lab_wall, sink);
  (void)why;
  (void)stack;
  if (task->id > w->looked_at)
    account_state(w, task, now);
  if (next == LAB_TASK_ENDED && w->next == &task->all)
    w->next = task->all.next;
}

/* The time so far goes to the label so far. */
static void note_relabel(lab_task_sink *sink, const lab_task *task,
                         uint32_t label, uint64_t now) {
  lab_wall *w = LAB_CONTAINER(sink, lab_wall, sink);
  (void)label;
  if (task->id > w->looked_at)
    account_state(w, task, now);
  w->relabelled = task->id;
  w->relabelled_at = now;
}

static void note_kept(lab_task_sink *sink, const lab_task *task, uint32_t stack,
                      uint64_t from, uint64_t until) {
  lab_wall *w = LAB_CONTAINER(sink, lab_wall, sink);
  if (task->id > w->looked_at)
    add_state_time(w, task, LAB_WALL_KEPT, stack, from, until);
}

void lab_wall_watch(lab_wall *w, lab_sched *s,
                    uint32_t (*find)(const lab_task *task)) {
  w->sched = s;
  w->find_stack = find;
  w->sink = (lab_task_sink){.changes = note_state_change,
                            .kept = note_kept,
                            .relabels = note_relabel,
                            .precise = true};
  lab_sched_add_sink(s, &w->sink);
}

void lab_wall_unwatch(lab_wall *w) {
  if (w->sched)
    lab_sched_remove_sink(w->sched, &w->sink);
  w->sched = NULL;
}

/* Later tasks have nothing to tell. */
static void begin_look(lab_wall *w) {
  const lab_list *all = lab_sched_tasks(w->sched);
  w->next = all->next;
  if (!lab_list_empty(all))
    w->last_id = LAB_CONTAINER(all->prev, lab_task, all)->id;
}

bool lab_wall_collect(lab_wall *w) {
  const lab_list *all = lab_sched_tasks(w->sched);
  uint64_t until = lab_clock_mono() + SLICE_NS;
  if (!w->next)
    begin_look(w);
  for (unsigned i = 1; w->next != all; i++) {
    const lab_task *task = LAB_CONTAINER(w->next, lab_task, all);
    if (task->id > w->last_id)
      break;
    w->next = w->next->next;
    account_state(w, task, UINT64_MAX);
    w->looked_at = task->id;
    if (i % BETWEEN_LOOKS == 0 && lab_clock_mono() > until)
      return true;
  }
  lab_wall_unwatch(w);
  return false;
}

/* ---- from outside ---------------------------------------------------------
 */

int lab_wall_start(lab_wall **out, int hz, lab_err *err) {
  lab_wall *w = lab_xcalloc(1, sizeof *w);
  int rc = lab_cpu_start(&w->cpu, hz, err);
  if (rc) {
    lab_xfree(w);
    return rc;
  }
  w->began_mono = lab_clock_mono();
  w->began_real = lab_clock_real();
  w->attempt = lab_attempt_now().id;
  atomic_store(&w->ended_mono, UINT64_MAX);
  *out = w;
  return 0;
}

void lab_wall_end(lab_wall *w) {
  atomic_store(&w->ended_mono, lab_clock_mono());
  lab_cpu_close(w->cpu);
}

void lab_wall_drop(lab_wall *w) {
  lab_cpu_free(w->cpu);
  w->cpu = NULL;
}

void lab_wall_free(lab_wall *w) {
  if (!w)
    return;
  LAB_ASSERT(!w->sched);
  lab_cpu_free(w->cpu);
  lab_keymap_free(&w->states.keys);
  lab_buf_free(&w->states.ns);
  lab_xfree(w);
}
