/* SPDX-License-Identifier: MIT
 * See task.h: the states of tasks, and the queues in which they are.
 *
 * A task that is not running is in the run queue, or it waits: in a wait queue
 * of its owner, among the sleepers (timers.h), or in no queue at all.
 *
 * Clocks: the coarse clock dates what is short by nature; the precise one dates
 * the waiting, whose length profiles show. Between two changes that follow one
 * another at once, no clock is read a second time. */
#include "task/task.h"

#include "base/err.h"
#include "base/probe.h"
#include "task/sched_internal.h"

/* There may be a million: think twice before you add a field. */
_Static_assert(sizeof(lab_task) <= 88, "a task is 88 bytes");

/* Adds to a counter that has one writer: cheaper than an atomic addition. */
static void count_by(atomic_size_t *counter, int delta) {
  size_t n = atomic_load_explicit(counter, memory_order_relaxed);
  atomic_store_explicit(counter, n + (size_t)delta, memory_order_relaxed);
}

static void count_waiting_for(lab_sched *s, const lab_task *task, lab_wait why,
                              int delta) {
  if (!task->hidden)
    count_by(&s->waiting[why], delta);
}

static uint64_t time_of_change(lab_sched *s, const lab_task *task,
                               lab_task_state next, lab_wait why) {
  bool waits = next == LAB_TASK_WAITING && why != LAB_WAIT_NONE;
  bool waited = task->state == LAB_TASK_WAITING && task->wait != LAB_WAIT_NONE;
  if (next == LAB_TASK_RUNNING && s->switched && !s->precise)
    return s->switched;
  return waits || waited || s->close ? lab_near_clock_read(&s->clock)
                                     : lab_sched_coarse_now();
}

static void change_state(lab_sched *s, lab_task *task, lab_task_state state,
                         lab_wait why, uint32_t stack, uint64_t now) {
  atomic_store_explicit(&s->moment, now, memory_order_relaxed);
  for (lab_task_sink *sink = s->sinks; sink; sink = sink->next)
    if (sink->changes)
      sink->changes(sink, task, state, why, stack, now);
  if (task->state == LAB_TASK_WAITING)
    count_waiting_for(s, task, task->wait, -1);
  if (state == LAB_TASK_WAITING)
    count_waiting_for(s, task, why, 1);
  task->state = (uint8_t)state;
  task->wait = (uint8_t)why;
  task->stack = stack;
  task->since = now;
  s->switched = now;
}

void lab_task_enter_state(lab_sched *s, lab_task *task, lab_task_state state,
                          lab_wait why, uint32_t stack) {
  lab_sched_look(s);
  change_state(s, task, state, why, stack, time_of_change(s, task, state, why));
}

static void leave_places(lab_task *task) {
  for (lab_wait_place *p = task->places; p; p = p->next)
    lab_list_remove(&p->link);
  lab_list_init(&task->link);
}

/* Out of the run queue or its wait queues, and awake. */
static void leave_queues(lab_sched *s, lab_task *task) {
  if (task->wait == LAB_WAIT_SELECT)
    leave_places(task);
  else
    lab_list_remove(&task->link);
  if (task->heap > 0)
    lab_timers_remove(&s->sleepers, task);
}

void lab_task_init(lab_sched *s, lab_task *task, uint64_t now) {
  lab_sched_look(s);
  if (!now)
    now = time_of_change(s, task, LAB_TASK_WAITING, LAB_WAIT_NONE);
  lab_list_init(&task->link);
  lab_list_push_back(&s->tasks, &task->all);
  task->id = ++s->last_id;
  count_by(&s->count, 1);
  count_by(&s->shown, 1);
  LAB_PROBE1(task__create, task->id);
  change_state(s, task, LAB_TASK_WAITING, LAB_WAIT_NONE, 0, now);
}

/* Urgent tasks are few. */
static lab_list *find_first_not_urgent(lab_sched *s) {
  lab_list *l = s->runnable.next;
  while (l != &s->runnable && LAB_CONTAINER(l, lab_task, link)->urgent)
    l = l->next;
  return l;
}

static void enter_run_queue(lab_sched *s, lab_task *task) {
  lab_list *before = task->urgent ? find_first_not_urgent(s) : &s->runnable;
  lab_list_push_back(task->late ? &s->late : before, &task->link);
}

void lab_task_start(lab_sched *s, lab_task *task) {
  lab_task_init(s, task, 0);
  LAB_PROBE1(task__ready, task->id);
  change_state(s, task, LAB_TASK_RUNNABLE, LAB_WAIT_NONE, 0, task->since);
  enter_run_queue(s, task);
}

static void forget_over(lab_task *task) {
  if (!task->has_over)
    return;
  task->has_over = false;
  task->wake = 0;
}

void lab_task_ready(lab_sched *s, lab_task *task) {
  LAB_ASSERT(task->state != LAB_TASK_ENDED);
  if (task->state == LAB_TASK_RUNNABLE)
    return;
  LAB_PROBE1(task__ready, task->id);
  leave_queues(s, task);
  lab_task_enter_state(s, task, LAB_TASK_RUNNABLE, LAB_WAIT_NONE, task->stack);
  forget_over(task);
  enter_run_queue(s, task);
}

void lab_task_step_aside(lab_sched *s, lab_task *task) {
  LAB_ASSERT(task->state == LAB_TASK_RUNNING);
  LAB_PROBE1(task__ready, task->id);
  lab_task_enter_state(s, task, LAB_TASK_RUNNABLE, LAB_WAIT_NONE, task->stack);
  lab_list_push_back(s->runnable.next, &task->link);
}

void lab_task_urge(lab_sched *s, lab_task *task, bool urgent) {
  task->urgent = urgent;
  if (task->state != LAB_TASK_RUNNABLE)
    return;
  lab_list_remove(&task->link);
  enter_run_queue(s, task);
}

void lab_task_hide(lab_sched *s, lab_task *task, bool hidden) {
  if (task->hidden == hidden)
    return;
  LAB_ASSERT(task->state == LAB_TASK_RUNNING ||
             task->state == LAB_TASK_RUNNABLE);
  task->hidden = hidden;
  count_by(&s->shown, hidden ? -1 : 1);
  if (task->state == LAB_TASK_RUNNING)
    atomic_store_explicit(&s->runs_hidden, hidden, memory_order_relaxed);
}

void lab_task_defer(lab_sched *s, lab_task *task) {
  LAB_ASSERT(task->state == LAB_TASK_RUNNING && !task->urgent);
  task->late = true;
  lab_task_ready(s, task);
}

void lab_task_grant(lab_sched *s, lab_task *task) {
  lab_task_ready(s, task);
  task->granted = true;
}

void lab_task_give_up(lab_sched *s, lab_task *task) {
  LAB_ASSERT(task->state == LAB_TASK_WAITING);
  if (s->ops.gives_up)
    s->ops.gives_up(task, s->arg);
  lab_task_ready(s, task);
}

void lab_task_park(lab_sched *s, lab_task *task, lab_wait why, uint32_t stack) {
  LAB_ASSERT(task->state == LAB_TASK_RUNNING ||
             task->state == LAB_TASK_WAITING);
  LAB_PROBE2(task__park, task->id, lab_wait_name(why));
  leave_queues(s, task);
  task->granted = task->expired = task->has_over = false;
  task->wake = 0;
  lab_task_enter_state(s, task, LAB_TASK_WAITING, why, stack);
  if (why == LAB_WAIT_SELECT)
    task->places = NULL;
}

void lab_task_watch_over(lab_task *task, const _Atomic uint64_t *over) {
  LAB_ASSERT(task->state == LAB_TASK_WAITING && task->heap == 0);
  task->over = over;
  task->has_over = true;
}

void lab_task_wake_after(lab_sched *s, lab_task *task, uint64_t ns) {
  LAB_ASSERT(task->state == LAB_TASK_WAITING && task->heap == 0);
  uint64_t now = lab_clock_mono();
  task->wake = ns < UINT64_MAX - now ? now + ns : UINT64_MAX;
  lab_timers_add(&s->sleepers, task);
}

void lab_task_wake_due(lab_sched *s) {
  uint64_t next = lab_timers_next(&s->sleepers);
  if (next == UINT64_MAX || next > lab_sched_coarse_now() + s->tick)
    return;
  uint64_t now = lab_clock_mono();
  while (lab_timers_next(&s->sleepers) <= now) {
    lab_task *task = s->sleepers.heap[0];
    task->expired = true;
    lab_task_give_up(s, task);
  }
}

void lab_task_also_waits(lab_task *task, lab_list *queue,
                         lab_wait_place *place) {
  LAB_ASSERT(task->wait == LAB_WAIT_SELECT);
  place->task = task;
  lab_list_push_back(queue, &place->link);
  place->next = task->places;
  task->places = place;
}

void lab_task_sleep(lab_sched *s, lab_task *task, uint64_t ns, uint32_t stack) {
  if (ns == 0) {
    task->stack = stack;
    lab_task_ready(s, task);
    return;
  }
  lab_task_park(s, task, LAB_WAIT_SLEEP, stack);
  lab_task_wake_after(s, task, ns);
}

void lab_task_end(lab_sched *s, lab_task *task) {
  LAB_ASSERT(task->state != LAB_TASK_ENDED);
  LAB_PROBE1(task__end, task->id);
  if (atomic_load_explicit(&s->running, memory_order_relaxed) == task)
    /* its memory may be gone soon */
    atomic_store_explicit(&s->running, NULL, memory_order_relaxed);
  leave_queues(s, task);
  lab_task_enter_state(s, task, LAB_TASK_ENDED, LAB_WAIT_NONE, 0);
  forget_over(task);
  lab_list_remove(&task->all);
  count_by(&s->count, -1);
  if (!task->hidden)
    count_by(&s->shown, -1);
}

void lab_task_relabel(lab_sched *s, lab_task *task, uint32_t label) {
  lab_sched_look(s);
  uint64_t now = s->precise ? lab_clock_mono() : lab_sched_coarse_now();
  for (lab_task_sink *sink = s->sinks; sink; sink = sink->next)
    if (sink->relabels)
      sink->relabels(sink, task, label, now);
  task->label = label;
}

const char *lab_wait_name(lab_wait why) {
  static const char *const names[LAB_WAIT_KINDS] = {
      [LAB_WAIT_NONE] = "",
      [LAB_WAIT_SLEEP] = "sleep",
      [LAB_WAIT_WORKER] = "syscall",
      [LAB_WAIT_JOIN] = "join",
      [LAB_WAIT_MUTEX] = "sync.Mutex.Lock",
      [LAB_WAIT_RLOCK] = "sync.RWMutex.RLock",
      [LAB_WAIT_WLOCK] = "sync.RWMutex.Lock",
      [LAB_WAIT_WAIT_GROUP] = "sync.WaitGroup.Wait",
      [LAB_WAIT_SEND] = "chan send",
      [LAB_WAIT_RECEIVE] = "chan receive",
      [LAB_WAIT_SELECT] = "select",
      [LAB_WAIT_SELECT_EMPTY] = "select (no cases)",
      [LAB_WAIT_NET] = "IO wait",
      [LAB_WAIT_POOL] = "pool wait",
      [LAB_WAIT_PRIMITIVE] = "primitive wait",
  };
  return names[why];
}
