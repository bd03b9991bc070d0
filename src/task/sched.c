/* SPDX-License-Identifier: MIT
 * See sched.h: the scheduler's loop.
 *
 * Letters from other threads are looked at between any two tasks; those that
 * come while a batch of letters is delivered wait for one more task, so neither
 * side can starve the other.
 *
 * Blocking: the scheduler says that it is going to (asleep), then looks into
 * the letter box once more, and waits while the flag is set. A producer takes
 * that flag after its letter is in the box and, if it was set, wakes the
 * scheduler. So there is one system call for any number of letters, and none
 * while the scheduler is awake. The flag is a futex: an eventfd would take two
 * more calls for each time that the scheduler sleeps.
 *
 * Clocks: while the coarse clock says that no sleeper can be due yet, the
 * precise one, which costs more, isn't read. */
#include "task/sched.h"

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/err.h"
#include "task/sched_internal.h"

enum { AWAKE, ASLEEP };

static uint64_t read_coarse_tick(void) {
  struct timespec t;
  clock_getres(CLOCK_MONOTONIC_COARSE, &t);
  return 2 * ((uint64_t)t.tv_sec * LAB_SECOND + (uint64_t)t.tv_nsec);
}

lab_sched *lab_sched_new(const lab_sched_ops *ops, void *arg) {
  lab_sched *s = lab_xcalloc(1, sizeof *s);
  s->ops = *ops;
  s->arg = arg;
  s->tick = read_coarse_tick();
  lab_list_init(&s->runnable);
  lab_list_init(&s->late);
  lab_list_init(&s->tasks);
  lab_timers_init(&s->sleepers);
  return s;
}

void lab_sched_free(lab_sched *s) {
  LAB_ASSERT(lab_list_empty(&s->tasks));
  lab_timers_free(&s->sleepers);
  lab_xfree(s);
}

/* ---- the loop ------------------------------------------------------------ */

/* What was posted ahead of these letters has come when they have. */
void lab_sched_deliver(lab_sched *s) {
  lab_mpsc_node *letters =
      lab_mpsc_empty(&s->letters) ? NULL : lab_mpsc_take_all(&s->letters);
  lab_sched_look(s);
  if (!letters)
    return;
  lab_sched_deliver_all(letters);
  s->switched = 0;
}

static bool has_runnable(const lab_sched *s) {
  return !lab_list_empty(&s->runnable) || !lab_list_empty(&s->late);
}

/* Late tasks have every other turn, and all while there are no others. */
static lab_task *take_next_task(lab_sched *s) {
  s->late_turn = !lab_list_empty(&s->late) &&
                 (!s->late_turn || lab_list_empty(&s->runnable));
  lab_list *first = s->late_turn ? s->late.next : s->runnable.next;
  lab_list_remove(first);
  return LAB_CONTAINER(first, lab_task, link);
}

static void run_next_task(lab_sched *s) {
  lab_task *task = take_next_task(s);
  lab_task_enter_state(s, task, LAB_TASK_RUNNING, LAB_WAIT_NONE, 0);
  atomic_store_explicit(&s->runs_hidden, task->hidden, memory_order_relaxed);
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
  syscall(SYS_futex, &s->asleep, FUTEX_WAIT_PRIVATE, ASLEEP, limit);
}

static bool has_mail(const lab_sched *s) {
  return !lab_mpsc_empty(&s->letters) || !lab_mpsc_empty(&s->ahead);
}

static bool has_no_work(const lab_sched *s) {
  return s->held || !has_runnable(s);
}

static void block_until_event(lab_sched *s) {
  if (s->ops.idle)
    s->ops.idle(s->arg);
  atomic_store(&s->asleep, ASLEEP);
  if (!has_mail(s) && !atomic_load(&s->stop) &&
      has_no_work(s)) /* idle may have readied a task */
    wait_for_event(s);
  atomic_store(&s->asleep, AWAKE);
  s->switched = 0;
}

void lab_sched_run(lab_sched *s) {
  while (!atomic_load(&s->stop)) {
    lab_sched_deliver(s);
    lab_task_wake_due(s);
    if (has_no_work(s))
      block_until_event(s);
    else
      run_next_task(s);
  }
}

void lab_sched_wake(lab_sched *s) {
  if (atomic_load(&s->asleep) && atomic_exchange(&s->asleep, AWAKE))
    syscall(SYS_futex, &s->asleep, FUTEX_WAKE_PRIVATE, 1);
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

void lab_sched_post_ahead(lab_sched *s, lab_post *post) {
  lab_mpsc_push(&s->ahead, &post->node);
  lab_sched_wake(s);
}

/* ---- questions ----------------------------------------------------------- */

void lab_sched_hold(lab_sched *s, bool held) {
  s->held = held;
}

bool lab_sched_wanted(const lab_sched *s) {
  if (has_runnable(s) || has_mail(s) ||
      atomic_load_explicit(&s->stop, memory_order_relaxed))
    return true;
  uint64_t next = lab_timers_next(&s->sleepers);
  return next != UINT64_MAX && next <= lab_clock_mono();
}

bool lab_sched_has_letters(const lab_sched *s) {
  return !lab_mpsc_empty(&s->letters);
}

void lab_sched_note_time(lab_sched *s) {
  atomic_store_explicit(&s->moment, lab_sched_coarse_now(),
                        memory_order_relaxed);
}

uint64_t lab_sched_now(lab_sched *s) {
  return lab_near_clock_read(&s->clock);
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

size_t lab_sched_shown(const lab_sched *s, bool *runs) {
  if (runs)
    *runs = lab_sched_running(s) &&
            !atomic_load_explicit(&s->runs_hidden, memory_order_relaxed);
  return atomic_load_explicit(&s->shown, memory_order_relaxed);
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
