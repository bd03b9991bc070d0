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
#include "stack/stack.h"

static const uint64_t SLICE_NS = 2 * LAB_MILLISECOND;
enum { BETWEEN_LOOKS = 64 }; /* tasks between two looks at the clock */

typedef struct survey {
  lab_exchange x; /* the letter, and the way back to the control thread */
  lab_profile_request *request;
  lab_goroutines *tasks; /* what was recorded so far; NULL: not begun */
  lab_task_sink sink;
  const lab_list *next; /* the first task in the list that was not looked at */
  uint64_t last_id;     /* of the tasks that existed at the beginning */
  uint64_t now;         /* the moment: mono ns */
} survey;

static lab_vm *the_vm; /* the control thread's */

static lab_lua_task *task_at(const lab_list *link) {
  lab_task *base = LAB_CONTAINER(link, lab_task, all);
  return LAB_CONTAINER(base, lab_lua_task, base);
}

/* ---- one task ------------------------------------------------------------ */

/* A task that has not run yet is where it will begin. */
static uint32_t entry_of(lua_State *co, int nargs) {
  lua_Debug ar;
  lab_frame frame;
  lua_pushvalue(co, -(nargs + 1));
  uint32_t c = lab_func_find_c((const void *)lua_tocfunction(co, -1));
  lua_getinfo(co, ">S", &ar);
  if (ar.what[0] != 'C')
    frame = lab_frame_script(lab_func_lua(ar.source, ar.srclen, ar.linedefined),
                             ar.linedefined);
  else
    frame = lab_frame_script(c ? c : lab_func_pseudo("[C function]"), 0);
  return lab_stack_intern(&frame, 1);
}

/* Where T is; it isn't running. */
static uint32_t stack_of(lab_lua_task *t) {
  lua_Debug ar;
  if (t->base.stack)
    return t->base.stack;
  if (lua_status(t->co) == LUA_OK && !lua_getstack(t->co, 0, &ar))
    return entry_of(t->co, t->nargs);
  return lab_walk(t->co, 0);
}

static uint16_t minutes_of(const lab_task *base, uint64_t now) {
  if (base->state != LAB_TASK_WAITING || base->since >= now)
    return 0;
  uint64_t minutes = (now - base->since) / (60 * LAB_SECOND);
  return minutes < UINT16_MAX ? (uint16_t)minutes : UINT16_MAX;
}

void lab_survey_add(lab_goroutines *tasks, lab_lua_task *t, uint64_t now) {
  const lab_task *base = &t->base;
  lab_goroutine one = {
      .id = base->id,
      .creator = t->creator,
      .stack = stack_of(t),
      .created_by = base->created_by,
      .label = base->label,
      .minutes = minutes_of(base, now),
      .state = base->state,
      .wait = base->wait,
  };
  lab_goroutines_add(tasks, &one);
}

static void record(survey *s, lab_lua_task *t) {
  if (t->base.id > s->last_id || t->surveyed == s->x.vm->last_survey)
    return;
  t->surveyed = s->x.vm->last_survey;
  lab_survey_add(s->tasks, t, s->now);
}

/* The sink: TASK still is as it was. */
static void before_change(lab_task_sink *sink, const lab_task *task,
                          lab_task_state next, lab_wait why, uint32_t stack,
                          uint64_t now) {
  survey *s = LAB_CONTAINER(sink, survey, sink);
  (void)why;
  (void)stack;
  (void)now;
  record(s, task_at(&task->all));
  if (next == LAB_TASK_ENDED && s->next == &task->all)
    s->next = task->all.next;
}

/* ---- all of them --------------------------------------------------------- */

static void begin(survey *s) {
  lab_vm *vm = s->x.vm;
  const lab_list *all = lab_sched_tasks(vm->sched);
  vm->survey = s;
  vm->last_survey++;
  s->tasks = lab_goroutines_new();
  s->now = lab_clock_mono();
  s->next = all->next;
  if (!lab_list_empty(all))
    s->last_id = task_at(all->prev)->base.id;
  s->sink.changes = before_change;
  lab_sched_add_sink(vm->sched, &s->sink);
}

/* False when there are no further ones. */
static bool slice(survey *s) {
  const lab_list *all = lab_sched_tasks(s->x.vm->sched);
  uint64_t until = lab_clock_mono() + SLICE_NS;
  for (unsigned i = 1; s->next != all; i++) {
    lab_lua_task *t = task_at(s->next);
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
  lab_vm *vm = s->x.vm;
  if (vm->survey == s) {
    lab_sched_remove_sink(vm->sched, &s->sink);
    vm->survey = NULL;
  }
  lab_vm_answer(vm, &s->x);
}

static void give_up(survey *s) {
  lab_goroutines_free(s->tasks);
  s->tasks = NULL;
  answer(s);
}

static void deliver(lab_post *post) {
  survey *s = LAB_CONTAINER(post, survey, x.post);
  lab_vm *vm = s->x.vm;
  if (atomic_load(&vm->stopping) || atomic_load(&s->request->withdrawn)) {
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

static void answered(lab_exchange *x) {
  survey *s = LAB_CONTAINER(x, survey, x);
  lab_profile_request *r = s->request;
  r->snapshot = s->tasks;
  lab_xfree(s);
  r->taken(r);
}

void lab_vm_survey(lab_vm *vm, lab_profile_request *r) {
  survey *s = lab_xcalloc(1, sizeof *s);
  s->request = r;
  s->x.vm = vm;
  s->x.answered = answered;
  s->x.post.deliver = deliver;
  lab_sched_post(vm->sched, &s->x.post);
}

static void request(lab_profile_request *r) {
  lab_vm_survey(the_vm, r);
}

static size_t count(void) {
  return the_vm ? lab_sched_count(the_vm->sched) : 0;
}

static void release(void *snapshot) {
  lab_goroutines_free(snapshot);
}

static int write_proto(const void *now, const void *before, lab_buf *out) {
  return lab_goroutines_write(now, before, "goroutine", out);
}

static void write_text(const void *now, int debug, lab_buf *out) {
  (void)debug;
  lab_goroutines_write_text(now, "goroutine", out);
}

static void *dump_begin(const void *snapshot) {
  return lab_goroutine_reader_new(snapshot);
}

static bool dump_next(void *reader, lab_buf *out) {
  return lab_goroutine_read(reader, out, 256 << 10);
}

static void dump_end(void *reader) {
  lab_goroutine_reader_free(reader);
}

const lab_profile_stream lab_survey_dump = {dump_begin, dump_next, dump_end};

static const lab_profile_kind goroutine_kind = {
    .name = "goroutine",
    .description = "Stack traces of all current goroutines (here: tasks). Use "
                   "debug=2 as a query parameter to export in the same format "
                   "as an unrecovered panic.",
    .count = count,
    .request = request,
    .free = release,
    .write = write_proto,
    .write_text = write_text,
    .dump = &lab_survey_dump,
};

void lab_survey_register(void) {
  lab_registry_add(&goroutine_kind);
}

void lab_survey_of(lab_vm *vm) {
  the_vm = vm;
}
