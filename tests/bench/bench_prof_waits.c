/* SPDX-License-Identifier: MIT
 * What the always-on profiles of waiting cost, per event: two tasks wake each
 * other, by a channel's kind of waiting (one event of block each time), and by
 * a mutex (one of block and one of mutex). Three ways: nobody watches, the
 * contention profiles do, a wall profile does, too. */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/err.h"
#include "prof/contention.h"
#include "prof/cpu.h"
#include "prof/wall.h"
#include "stack/stack.h"
#include "task/lock.h"

enum { EVENTS = 3000000, REPEATS = 3 };

static lab_sched *sched;
static lab_task tasks[2];
static lab_mutex mutex;
static unsigned long left;
static uint32_t stack[2];
static void (*behaviour)(lab_task *task);

static void resume(lab_task *task, void *arg) {
  (void)arg;
  behaviour(task);
  if (--left == 0)
    lab_sched_stop(sched);
}

/* Wakes the other one and waits. */
static void play(lab_task *task) {
  lab_task *other = &tasks[task == &tasks[0]];
  lab_task_park(sched, task, LAB_WAIT_RECEIVE, stack[0]);
  lab_task_ready(sched, other);
}

/* Gives the lock to the other one and wants it back. */
static void contend(lab_task *task) {
  if (mutex.locked && task->granted)
    lab_mutex_unlock(sched, &mutex, stack[0]);
  if (lab_mutex_try_lock(sched, &mutex)) {
    task->granted = true;
    lab_task_ready(sched, task);
  } else {
    lab_mutex_wait(sched, &mutex, task, stack[1]);
  }
}

static uint64_t run(void (*what)(lab_task *), int watchers) {
  static const lab_sched_ops ops = {.resume = resume};
  lab_wall *wall = NULL;
  lab_err err;
  behaviour = what;
  left = EVENTS;
  lab_mutex_init(&mutex);
  sched = lab_sched_new(&ops, NULL);
  if (watchers > 0)
    lab_contention_watch(sched);
  if (watchers > 1) {
    LAB_ASSERT(lab_wall_start(&wall, 100, &err) == 0);
    lab_wall_watch(wall, sched, NULL);
  }
  memset(tasks, 0, sizeof tasks);
  for (int i = 0; i < 2; i++) {
    lab_task_init(sched, &tasks[i], 0);
    lab_task_ready(sched, &tasks[i]);
  }
  uint64_t began = lab_clock_thread_cpu();
  lab_sched_run(sched);
  uint64_t ns = lab_clock_thread_cpu() - began;
  for (int i = 0; i < 2; i++)
    lab_task_end(sched, &tasks[i]);
  if (watchers > 1) {
    lab_wall_unwatch(wall);
    lab_wall_free(wall);
  }
  if (watchers > 0)
    lab_contention_unwatch(sched);
  lab_sched_free(sched);
  return ns;
}

static double best(void (*what)(lab_task *), int watchers) {
  double least = 1e30;
  for (int i = 0; i < REPEATS; i++) {
    double ns = (double)run(what, watchers) / EVENTS;
    least = ns < least ? ns : least;
  }
  return least;
}

static void row(const char *name, void (*what)(lab_task *)) {
  double none = best(what, 0), on = best(what, 1), wall = best(what, 2);
  printf("%-16s alone %6.1f ns   with block and mutex %6.1f ns (+%.1f)   with "
         "wall, too %6.1f ns (+%.1f)\n",
         name, none, on, on - none, wall, wall - on);
}

int main(void) {
  LAB_ASSERT(lab_cpu_init() == 0);
  for (int i = 0; i < 2; i++) {
    lab_frame frame = lab_frame_script(
        lab_func_pseudo(i ? "lab.Mutex.lock" : "lab.Mutex.unlock"), 1);
    stack[i] = lab_stack_intern(&frame, 1);
  }
  row("channel", play);
  row("mutex", contend);
  return 0;
}
