/* SPDX-License-Identifier: MIT
 * What every task does at one moment: the picture behind the goroutine profile.
 *
 * With a million tasks it takes a tenth of a second, so it is taken in slices,
 * between which tasks go on running. It is exact all the same: whoever is about
 * to change state and has not been recorded is recorded first, as it was. So
 * the picture shows all tasks that existed when it was begun, each once, in the
 * states that they had then; tasks that are started later are not in it.
 * (Go's runtime takes its profile in the same way.)
 *
 *   deliver -> begin -> slice -> slice ... -> answer
 *
 * Each slice is a letter that is posted anew, so tasks and other letters get
 * their turn in between. A second survey waits for the first one's end.
 *
 * Threads: the VM's; request and taken: the control thread. */
#include "script/vm.h"

#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "prof/goroutine.h"
#include "prof/registry.h"

static const uint64_t SLICE_NS = 2 * LAB_MILLISECOND;
enum { BETWEEN_LOOKS = 64 }; /* tasks between two looks at the clock */

typedef struct survey {
  lab_picture picture; /* what was recorded so far; no tasks: not begun */
  lab_task_sink sink;
  const lab_list *next; /* the first task in the list that was not looked at */
  uint64_t last_id;     /* of the tasks that existed at the beginning */
  uint64_t now;         /* the moment: mono ns */
} survey;

/* ---- one task ------------------------------------------------------------ */

static void record(survey *s, lab_lua_task *t) {
  uint32_t number = s->picture.x.vm->last_survey;
  if (t->base.id > s->last_id || t->surveyed == number)
    return;
  t->surveyed = number;
  lab_picture_add(&s->picture, t, s->now);
}

/* The sink: TASK still is as it was. */
static void before_change(lab_task_sink *sink, const lab_task *task,
                          lab_task_state next, lab_wait why, uint32_t stack,
                          uint64_t now) {
  survey *s = LAB_CONTAINER(sink, survey, sink);
  (void)why;
  (void)stack;
  (void)now;
  record(s, lab_lua_task_at(&task->all));
  if (next == LAB_TASK_ENDED && s->next == &task->all)
    s->next = task->all.next;
}

/* ---- all of them --------------------------------------------------------- */

static void begin(survey *s) {
  lab_vm *vm = s->picture.x.vm;
  const lab_list *all = lab_sched_tasks(vm->sched);
  vm->survey = s;
  vm->last_survey++;
  s->picture.tasks = lab_goroutines_new("goroutine");
  s->now = lab_clock_mono();
  s->next = all->next;
  if (!lab_list_empty(all))
    s->last_id = lab_lua_task_at(all->prev)->base.id;
  s->sink.changes = before_change;
  lab_sched_add_sink(vm->sched, &s->sink);
}

/* False when there are no further ones. */
static bool slice(survey *s) {
  const lab_list *all = lab_sched_tasks(s->picture.x.vm->sched);
  uint64_t until = lab_clock_mono() + SLICE_NS;
  for (unsigned i = 1; s->next != all; i++) {
    lab_lua_task *t = lab_lua_task_at(s->next);
    if (t->base.id > s->last_id)
      return false;
    s->next = s->next->next;
    record(s, t);
    if (i % BETWEEN_LOOKS == 0 && lab_clock_mono() > until)
      return true;
  }
  return false;
}

static void answer(survey *s) {
  lab_vm *vm = s->picture.x.vm;
  if (vm->survey == s) {
    lab_sched_remove_sink(vm->sched, &s->sink);
    vm->survey = NULL;
  }
  lab_vm_answer(vm, &s->picture.x);
}

static void give_up(survey *s) {
  lab_goroutines_free(s->picture.tasks);
  s->picture.tasks = NULL;
  answer(s);
}

static void deliver(lab_post *post) {
  survey *s = LAB_CONTAINER(post, survey, picture.x.post);
  lab_vm *vm = s->picture.x.vm;
  if (lab_picture_ends(&s->picture)) {
    give_up(s);
    return;
  }
  if (!vm->survey)
    begin(s);
  if (vm->survey != s || slice(s))
    lab_sched_post(vm->sched, post);
  else
    answer(s);
}

/* ---- the profile --------------------------------------------------------- */

void lab_vm_survey(lab_vm *vm, lab_profile_request *r) {
  survey *s = lab_xcalloc(1, sizeof *s);
  lab_picture_ask(&s->picture, vm, r, deliver);
}

static void request(lab_profile_request *r) {
  lab_vm_survey(lab_picture_vm(), r);
}

static size_t count(void) {
  const lab_vm *vm = lab_picture_vm();
  return vm ? lab_sched_count(vm->sched) : 0;
}

static const lab_profile_kind goroutine_kind = {
    .name = "goroutine",
    .description = "Stack traces of all current goroutines (here: tasks). Use "
                   "debug=2 as a query parameter to export in the same format "
                   "as an unrecovered panic.",
    .count = count,
    .request = request,
    .free = lab_picture_free,
    .write = lab_picture_write,
    .write_text = lab_picture_write_text,
    .dump = &lab_picture_dump,
};

void lab_survey_register(void) {
  lab_registry_add(&goroutine_kind);
}
