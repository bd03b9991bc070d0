/* SPDX-License-Identifier: MIT
 * The scheduler: see sched.h.
 *
 * A task that is not running is in the run queue, or it waits: in a wait queue
 * of its owner, among the sleepers (timers.h), or just by itself. Letters from
 * other threads are looked at between any two tasks; those that come while a
 * batch of letters is delivered wait for one more task, so neither side can
 * starve the other.
 *
 * Blocking: the scheduler says that it is going to (asleep), then looks into
 * the letter box once more. A producer takes that flag after its letter is in
 * the box and, if it was set, writes to the eventfd. So there is one system
 * call for any number of letters, and none while the scheduler is awake.
 *
 * Clocks: the coarse clock (a few ns to read, wrong by at most a timer tick)
 * dates what is short by nature, and says that no sleeper can be due yet; the
 * precise one dates the waiting, whose length profiles show. */
#include "task/sched.h"

#include <errno.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/probe.h"
#include "task/timers.h"

/* There may be a million: think twice before you add a field. */
_Static_assert(sizeof(lab_task) <= 88, "a task is 88 bytes");

struct lab_sched {
  /* The scheduler's thread, and signal handlers on it. */
  lab_sched_ops ops;
  void *arg;
  lab_list runnable, tasks;
  lab_timers sleepers;
  lab_task_sink *sinks;
  bool precise; /* one of them is */
  bool held;    /* see lab_sched_hold */
  _Atomic(lab_task *) running;
  uint64_t last_id, last_user_task;
  uint64_t tick; /* ns that the coarse clock may be late, with a margin */
  int event_fd;
  /* Written by the scheduler's thread, read by any. */
  atomic_size_t count, waiting[LAB_WAIT_KINDS];
  char apart[64]; /* producers write into another cache line */
  lab_mpsc letters;
  atomic_bool asleep, stop;
};

static uint64_t coarse_now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC_COARSE, &t);
  return (uint64_t)t.tv_sec * LAB_SECOND + (uint64_t)t.tv_nsec;
}

static uint64_t coarse_tick(void) {
  struct timespec t;
  clock_getres(CLOCK_MONOTONIC_COARSE, &t);
  return 2 * ((uint64_t)t.tv_sec * LAB_SECOND + (uint64_t)t.tv_nsec);
}

/* Adds to a counter that has one writer: cheaper than an atomic addition. */
static void count_by(atomic_size_t *counter, int delta) {
  size_t n = atomic_load_explicit(counter, memory_order_relaxed);
  atomic_store_explicit(counter, n + (size_t)delta, memory_order_relaxed);
}

int lab_sched_new(lab_sched **out, const lab_sched_ops *ops, void *arg) {
  int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (fd < 0)
    return -errno;
  lab_sched *s = lab_xcalloc(1, sizeof *s);
  s->ops = *ops;
  s->arg = arg;
  s->event_fd = fd;
  s->tick = coarse_tick();
  lab_list_init(&s->runnable);
  lab_list_init(&s->tasks);
  lab_timers_init(&s->sleepers);
  *out = s;
  return 0;
}

void lab_sched_free(lab_sched *s) {
  LAB_ASSERT(lab_list_empty(&s->tasks));
  close(s->event_fd);
  lab_timers_free(&s->sleepers);
  lab_xfree(s);
}

/* ---- states -------------------------------------------------------------- */

static uint64_t date(const lab_sched *s, const lab_task *task,
                     lab_task_state next, lab_wait why) {
  bool waits = next == LAB_TASK_WAITING && why != LAB_WAIT_NONE;
  bool waited = task->state == LAB_TASK_WAITING && task->wait != LAB_WAIT_NONE;
  return waits || waited || s->precise ? lab_clock_mono() : coarse_now();
}

static void enter_state(lab_sched *s, lab_task *task, lab_task_state state,
                        lab_wait why, uint32_t stack) {
  uint64_t now = date(s, task, state, why);
  for (lab_task_sink *sink = s->sinks; sink; sink = sink->next)
    if (sink->changes)
      sink->changes(sink, task, state, why, stack, now);
  if (task->state == LAB_TASK_WAITING)
    count_by(&s->waiting[task->wait], -1);
  if (state == LAB_TASK_WAITING)
    count_by(&s->waiting[why], 1);
  task->state = (uint8_t)state;
  task->wait = (uint8_t)why;
  task->stack = stack;
  task->since = now;
}

static void leave_places(lab_task *task) {
  for (lab_wait_place *p = task->places; p; p = p->next)
    lab_list_remove(&p->link);
}

/* Out of the run queue or its wait queues, and awake. */
static void detach(lab_sched *s, lab_task *task) {
  if (task->wait == LAB_WAIT_SELECT)
    leave_places(task);
  lab_list_remove(&task->link);
  lab_timers_remove(&s->sleepers, task);
}

void lab_task_init(lab_sched *s, lab_task *task) {
  lab_list_init(&task->link);
  lab_list_push_back(&s->tasks, &task->all);
  task->id = ++s->last_id;
  count_by(&s->count, 1);
  LAB_PROBE1(task__create, task->id);
  enter_state(s, task, LAB_TASK_WAITING, LAB_WAIT_NONE, 0);
}

static void enqueue(lab_sched *s, lab_task *task) {
  lab_list *before = task->urgent ? s->runnable.next : &s->runnable;
  lab_list_push_back(before, &task->link);
}

void lab_task_ready(lab_sched *s, lab_task *task) {
  LAB_ASSERT(task->state != LAB_TASK_ENDED);
  if (task->state == LAB_TASK_RUNNABLE)
    return;
  LAB_PROBE1(task__ready, task->id);
  detach(s, task);
  enter_state(s, task, LAB_TASK_RUNNABLE, LAB_WAIT_NONE, task->stack);
  enqueue(s, task);
}

void lab_task_urge(lab_sched *s, lab_task *task, bool urgent) {
  task->urgent = urgent;
  if (task->state != LAB_TASK_RUNNABLE)
    return;
  lab_list_remove(&task->link);
  enqueue(s, task);
}

void lab_task_grant(lab_sched *s, lab_task *task) {
  lab_task_ready(s, task);
  task->granted = true;
}

void lab_task_park(lab_sched *s, lab_task *task, lab_wait why, uint32_t stack) {
  LAB_ASSERT(task->state == LAB_TASK_RUNNING ||
             task->state == LAB_TASK_WAITING);
  LAB_PROBE2(task__park, task->id, lab_wait_name(why));
  detach(s, task);
  task->granted = false;
  enter_state(s, task, LAB_TASK_WAITING, why, stack);
  if (why == LAB_WAIT_SELECT)
    task->places = NULL;
  else
    task->wake = 0;
}

void lab_task_wake_after(lab_sched *s, lab_task *task, uint64_t ns) {
  LAB_ASSERT(task->state == LAB_TASK_WAITING && task->heap == 0 &&
             task->wait != LAB_WAIT_SELECT);
  uint64_t now = lab_clock_mono();
  task->wake = ns < UINT64_MAX - now ? now + ns : UINT64_MAX;
  lab_timers_add(&s->sleepers, task);
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
  if (lab_sched_running(s) == task) /* its memory may be gone soon */
    atomic_store_explicit(&s->running, NULL, memory_order_relaxed);
  detach(s, task);
  enter_state(s, task, LAB_TASK_ENDED, LAB_WAIT_NONE, 0);
  lab_list_remove(&task->all);
  count_by(&s->count, -1);
}

void lab_task_relabel(lab_sched *s, lab_task *task, uint32_t label) {
  uint64_t now = s->precise ? lab_clock_mono() : coarse_now();
  for (lab_task_sink *sink = s->sinks; sink; sink = sink->next)
    if (sink->relabels)
      sink->relabels(sink, task, label, now);
  task->label = label;
}

/* ---- sinks --------------------------------------------------------------- */

static void update_precise(lab_sched *s) {
  s->precise = false;
  for (lab_task_sink *sink = s->sinks; sink; sink = sink->next)
    s->precise |= sink->precise;
}

void lab_sched_add_sink(lab_sched *s, lab_task_sink *sink) {
  sink->next = s->sinks;
  s->sinks = sink;
  update_precise(s);
}

void lab_sched_remove_sink(lab_sched *s, lab_task_sink *sink) {
  lab_task_sink **at = &s->sinks;
  while (*at && *at != sink)
    at = &(*at)->next;
  if (*at)
    *at = sink->next;
  update_precise(s);
}

bool lab_sched_is_precise(const lab_sched *s) {
  return s->precise;
}

void lab_sched_contended(lab_sched *s, const lab_task *holder, uint32_t stack,
                         uint64_t ns) {
  LAB_PROBE2(lock__contended, holder->id, ns);
  for (lab_task_sink *sink = s->sinks; sink; sink = sink->next)
    if (sink->contended)
      sink->contended(sink, holder, stack, ns);
}

void lab_sched_region(lab_sched *s, const lab_task *task, const char *name,
                      bool enters, uint32_t stack) {
  for (lab_task_sink *sink = s->sinks; sink; sink = sink->next)
    if (sink->region)
      sink->region(sink, task, name, enters, stack);
}

uint64_t lab_sched_begin_user_task(lab_sched *s, const lab_task *task,
                                   const char *name, uint32_t stack) {
  uint64_t id = ++s->last_user_task;
  for (lab_task_sink *sink = s->sinks; sink; sink = sink->next)
    if (sink->user_task_began)
      sink->user_task_began(sink, task, id, task->user_task, name, stack);
  return id;
}

void lab_sched_end_user_task(lab_sched *s, const lab_task *task, uint64_t id,
                             uint32_t stack) {
  for (lab_task_sink *sink = s->sinks; sink; sink = sink->next)
    if (sink->user_task_ended)
      sink->user_task_ended(sink, task, id, stack);
}

bool lab_sched_is_traced(const lab_sched *s) {
  for (lab_task_sink *sink = s->sinks; sink; sink = sink->next)
    if (sink->region || sink->user_task_began)
      return true;
  return false;
}

/* ---- the loop ------------------------------------------------------------ */

void lab_sched_deliver(lab_sched *s) {
  if (lab_mpsc_empty(&s->letters))
    return;
  lab_mpsc_node *node = lab_mpsc_take_all(&s->letters);
  while (node) {
    lab_mpsc_node *next = node->next; /* deliver may reuse or free it */
    lab_post *post = LAB_CONTAINER(node, lab_post, node);
    post->deliver(post);
    node = next;
  }
}

static void wake_sleepers(lab_sched *s) {
  uint64_t next = lab_timers_next(&s->sleepers);
  if (next == UINT64_MAX || next > coarse_now() + s->tick)
    return;
  uint64_t now = lab_clock_mono();
  while (lab_timers_next(&s->sleepers) <= now)
    lab_task_ready(s, s->sleepers.heap[0]);
}

static void run_first(lab_sched *s) {
  lab_task *task = LAB_CONTAINER(s->runnable.next, lab_task, link);
  lab_list_remove(&task->link);
  enter_state(s, task, LAB_TASK_RUNNING, LAB_WAIT_NONE, 0);
  atomic_store_explicit(&s->running, task, memory_order_relaxed);
  s->ops.resume(task, s->arg);
  atomic_store_explicit(&s->running, NULL, memory_order_relaxed);
}

/* Until a letter comes or a sleeper is due. A signal may end it early: the loop
 * just comes back. */
static void wait_for_event(lab_sched *s) {
  struct timespec timeout, *limit = NULL;
  uint64_t wake = lab_timers_next(&s->sleepers);
  if (wake != UINT64_MAX) {
    uint64_t now = lab_clock_mono(), ns = wake > now ? wake - now : 0;
    timeout.tv_sec = (time_t)(ns / LAB_SECOND);
    timeout.tv_nsec = (long)(ns % LAB_SECOND);
    limit = &timeout;
  }
  struct pollfd p = {s->event_fd, POLLIN, 0};
  if (ppoll(&p, 1, limit, NULL) == 1) {
    eventfd_t n;
    eventfd_read(s->event_fd, &n);
  }
}

static bool has_no_work(const lab_sched *s) {
  return s->held || lab_list_empty(&s->runnable);
}

static void block(lab_sched *s) {
  if (s->ops.idle)
    s->ops.idle(s->arg);
  atomic_store(&s->asleep, true);
  if (lab_mpsc_empty(&s->letters) && !atomic_load(&s->stop) &&
      has_no_work(s)) /* idle may have readied a task */
    wait_for_event(s);
  atomic_store(&s->asleep, false);
}

void lab_sched_run(lab_sched *s) {
  while (!atomic_load(&s->stop)) {
    lab_sched_deliver(s);
    wake_sleepers(s);
    if (has_no_work(s))
      block(s);
    else
      run_first(s);
  }
}

void lab_sched_wake(lab_sched *s) {
  if (atomic_load(&s->asleep) && atomic_exchange(&s->asleep, false))
    while (eventfd_write(s->event_fd, 1) < 0 && errno == EINTR)
      ;
}

void lab_sched_stop(lab_sched *s) {
  atomic_store(&s->stop, true);
  lab_sched_wake(s);
}

void lab_sched_post(lab_sched *s, lab_post *post) {
  /* Also when the box was not empty: the others in it may have come quietly. */
  lab_mpsc_push(&s->letters, &post->node);
  lab_sched_wake(s);
}

void lab_sched_post_quietly(lab_sched *s, lab_post *post) {
  lab_mpsc_push(&s->letters, &post->node);
}

/* ---- questions ----------------------------------------------------------- */

void lab_sched_hold(lab_sched *s, bool held) {
  s->held = held;
}

bool lab_sched_wanted(const lab_sched *s) {
  if (!lab_list_empty(&s->runnable) || !lab_mpsc_empty(&s->letters) ||
      atomic_load_explicit(&s->stop, memory_order_relaxed))
    return true;
  uint64_t next = lab_timers_next(&s->sleepers);
  return next != UINT64_MAX && next <= lab_clock_mono();
}

lab_task *lab_sched_running(const lab_sched *s) {
  return atomic_load_explicit(&s->running, memory_order_relaxed);
}

const lab_list *lab_sched_tasks(const lab_sched *s) {
  return &s->tasks;
}

size_t lab_sched_count(const lab_sched *s) {
  return atomic_load_explicit(&s->count, memory_order_relaxed);
}

size_t lab_sched_waiting_for(const lab_sched *s, lab_wait why) {
  return atomic_load_explicit(&s->waiting[why], memory_order_relaxed);
}

size_t lab_sched_waiting(const lab_sched *s) {
  size_t n = 0;
  for (lab_wait why = 0; why < LAB_WAIT_KINDS; why++)
    n += lab_sched_waiting_for(s, why);
  return n;
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
  };
  return names[why];
}
