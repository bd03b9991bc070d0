/* SPDX-License-Identifier: MIT
 * The goroutine profile: what every task does at one moment.
 *
 * With a million tasks this takes a tenth of a second, so it is done in slices,
 * between which tasks go on running. It is exact all the same: a task that is
 * about to change its state and has not been recorded is recorded first, as it
 * was. So the snapshot shows all tasks that existed when it was begun, each
 * once, in the states that they had then; tasks that are started later are not
 * in it. (Go's runtime takes its profile in the same way.)
 *
 *   deliver -> begin -> slice -> slice ... -> answer
 *
 * Each slice is a call that is posted again, so tasks and other calls get their
 * turn in between. A second survey waits for the first one's end.
 *
 * Threads: the VM's; request and taken: the control thread. */
#include "inspect/goroutine_profile.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "inspect/awaited.h"
#include "inspect/task_snapshot.h"
#include "prof/goroutine.h"
#include "prof/registry.h"
#include "vm/vm.h"

static const uint64_t SLICE_NS = 2 * LAB_MILLISECOND;
enum { BETWEEN_LOOKS = 64 }; /* tasks between two looks at the clock */

typedef struct survey {
  lab_task_snapshot
      snapshot; /* what was recorded so far; no tasks: not begun */
  lab_task_sink sink;
  const lab_list *next; /* in the list: the first task not yet looked at */
  uint64_t last_id;     /* of the tasks that existed at the beginning */
  uint64_t now;         /* the moment: mono ns */
} survey;

static survey *under_way; /* or NULL */
static uint32_t last_number;

/* ---- one task ------------------------------------------------------------ */

static void record_task(survey *s, lab_lua_task *t) {
  if (t->base.id > s->last_id || t->surveyed == last_number || t->base.hidden)
    return;
  t->surveyed = last_number;
  lab_task_snapshot_add(&s->snapshot, t, s->now);
}

/* The sink's function: TASK is still as it was. */
static void record_before_change(lab_task_sink *sink, const lab_task *task,
                                 lab_task_state next, lab_wait why,
                                 uint32_t stack, uint64_t now) {
  survey *s = LAB_CONTAINER(sink, survey, sink);
  (void)why;
  (void)stack;
  (void)now;
  record_task(s, lab_lua_task_at(&task->all));
  if (next == LAB_TASK_ENDED && s->next == &task->all)
    s->next = task->all.next;
}

/* The sink's function: who has LOCK, and who waits for it, is still as it was
 * when the survey began, or a task that waits for it would have changed. */
static void record_lock(lab_task_sink *sink, const void *lock,
                        lab_lock_kind kind) {
  survey *s = LAB_CONTAINER(sink, survey, sink);
  lab_awaited_keep(s->snapshot.tasks, lock, kind);
}

/* ---- all of them --------------------------------------------------------- */

static void begin_survey(survey *s) {
  lab_vm *vm = s->snapshot.call.vm;
  const lab_list *all = lab_sched_tasks(vm->sched);
  under_way = s;
  last_number++;
  s->snapshot.tasks = lab_goroutines_new("goroutine");
  lab_goroutines_mark_whole(s->snapshot.tasks);
  s->now = lab_clock_mono();
  s->next = all->next;
  if (!lab_list_empty(all))
    s->last_id = lab_lua_task_at(all->prev)->base.id;
  s->sink.changes = record_before_change;
  s->sink.lock_changes = record_lock;
  lab_sched_add_sink(vm->sched, &s->sink);
}

/* Records tasks for the length of a slice. False when none are left. */
static bool record_slice(survey *s) {
  const lab_list *all = lab_sched_tasks(s->snapshot.call.vm->sched);
  uint64_t until = lab_clock_mono() + SLICE_NS;
  for (unsigned i = 1; s->next != all; i++) {
    lab_lua_task *t = lab_lua_task_at(s->next);
    if (t->base.id > s->last_id)
      return false;
    s->next = s->next->next;
    record_task(s, t);
    if (i % BETWEEN_LOOKS == 0 && lab_clock_mono() > until)
      return true;
  }
  return false;
}

static void answer_survey(survey *s) {
  lab_vm *vm = s->snapshot.call.vm;
  if (under_way == s) {
    lab_sched_remove_sink(vm->sched, &s->sink);
    under_way = NULL;
  }
  lab_call_answer(&s->snapshot.call);
}

static void give_up_survey(survey *s) {
  lab_goroutines_free(s->snapshot.tasks);
  s->snapshot.tasks = NULL;
  answer_survey(s);
}

static void deliver_survey(lab_post *post) {
  survey *s = LAB_CONTAINER(post, survey, snapshot.call.post);
  lab_vm *vm = s->snapshot.call.vm;
  if (lab_task_snapshot_is_unwanted(&s->snapshot)) {
    give_up_survey(s);
    return;
  }
  if (!under_way)
    begin_survey(s);
  if (under_way != s || record_slice(s))
    lab_sched_post(vm->sched, post);
  else
    answer_survey(s);
}

/* ---- the profile --------------------------------------------------------- */

void lab_goroutine_profile_take(lab_vm *vm, lab_profile_request *r) {
  survey *s = lab_xcalloc(1, sizeof *s);
  lab_task_snapshot_ask(&s->snapshot, vm, r, deliver_survey);
}

static void request_survey(lab_profile_request *r) {
  lab_goroutine_profile_take(lab_task_snapshot_vm(), r);
}

/* Requests that have come before the question are tasks when it is answered. */
static size_t count_tasks(const lab_profile_kind *kind) {
  (void)kind;
  lab_vm *vm = lab_task_snapshot_vm();
  if (!vm)
    return 0;
  return lab_sched_shown(vm->sched, NULL) +
         (vm->count_queued ? vm->count_queued(vm) : 0);
}

static const lab_profile_kind goroutine_kind = {
    .name = "goroutine",
    .description = "Stack traces of all current goroutines (here: tasks). Use "
                   "debug=2 as a query parameter to export in the same format "
                   "as an unrecovered panic.",
    .count = count_tasks,
    .request = request_survey,
    .free = lab_task_snapshot_free,
    .write = lab_task_snapshot_write,
    .write_text = lab_task_snapshot_write_text,
    .dump = &lab_task_snapshot_dump,
};

void lab_goroutine_profile_register(void) {
  lab_registry_add(&goroutine_kind);
}
