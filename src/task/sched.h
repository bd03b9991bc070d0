/* SPDX-License-Identifier: MIT
 * The scheduler: it runs tasks (task.h), one at a time, on one thread, its own.
 * It keeps the run queue, the sleepers, the table of all tasks, and the letters
 * from other threads.
 *
 * Threads: functions say "any thread" where it is so; all others belong to the
 * scheduler's thread, the one that called lab_sched_run. */
#ifndef LAB_TASK_SCHED_H
#define LAB_TASK_SCHED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/queue.h"
#include "task/sink.h"
#include "task/task.h"

/* A letter to the scheduler's thread, embedded in what it is about. It is in
 * the scheduler's hands until deliver is called, which may free or resend it.
 * Letters of one thread arrive in order. */
typedef struct lab_post {
  lab_mpsc_node node;
  void (*deliver)(struct lab_post *post); /* on the scheduler's thread */
} lab_post;

typedef struct lab_sched_ops {
  /* Runs TASK (its state is RUNNING) until it parked (lab_task_park, _sleep),
   * was made runnable again (lab_task_ready), or ended (lab_task_end, after
   * which its memory may be gone). One that returns without any of these is
   * lost: RUNNING for ever. */
  void (*resume)(lab_task *task, void *arg);
  /* About to block because nothing is runnable: time to hand over batches. It
   * may make tasks ready. May be NULL. */
  void (*idle)(void *arg);
  /* TASK, which waits, gives up (lab_task_give_up) and is still in its queue:
   * lock.h must be told of one that waits for a lock. It may grant others what
   * they wait for, and do nothing else to tasks. May be NULL. */
  void (*gives_up)(lab_task *task, void *arg);
} lab_sched_ops;

/* OPS is copied. */
lab_sched *lab_sched_new(const lab_sched_ops *ops, void *arg);
/* All tasks must have ended, and no thread may post any more. Letters that
 * weren't delivered belong to their senders again. */
void lab_sched_free(lab_sched *s);

/* Runs tasks and delivers letters until lab_sched_stop (returns at once if that
 * was called before), leaving unfinished tasks as they are. Letters are looked
 * at between any two tasks, so they wait for at most one time slice. Blocks
 * without using the processor while there is nothing to do; signals may
 * interrupt it at will. */
void lab_sched_run(lab_sched *s);
/* Any thread. For good: a stopped scheduler can't be run again. */
void lab_sched_stop(lab_sched *s);
/* Delivers the letters that have come. lab_sched_run does it; the owner of a
 * stopped scheduler may, for those that came too late. */
void lab_sched_deliver(lab_sched *s);

/* Hands POST over, and wakes the scheduler if it sleeps. Any thread, not a
 * signal handler. */
void lab_sched_post(lab_sched *s, lab_post *post);
/* For a sender that has several letters: posts without waking the scheduler.
 * The sender must call lab_sched_wake at the end; a scheduler that is awake
 * finds the letters before. Any thread. */
void lab_sched_post_quietly(lab_sched *s, lab_post *post);
void lab_sched_wake(lab_sched *s);

/* For who watches: POST is delivered before the next thing of which sinks are
 * told, also if that is in the midst of a task's turn, or between two tasks. So
 * it finds all tasks as they were when it was posted, even if a task has kept
 * the thread since. It may add and remove sinks, and must leave tasks as they
 * are. Any thread. These letters arrive in order among themselves, and before
 * all that their thread posts later. */
void lab_sched_post_ahead(lab_sched *s, lab_post *post);

/* While it is held no task runs; letters are still delivered, and sleepers
 * wake. A walk over all tasks that is done piece by piece holds it, so that
 * nothing changes meanwhile. */
void lab_sched_hold(lab_sched *s, bool held);

/* True if another task is runnable, a sleeper is due, a letter waits, or the
 * scheduler was told to stop: the running task should make way.
 * Async-signal-safe, on this thread. */
bool lab_sched_wanted(const lab_sched *s);

/* A letter waits. */
bool lab_sched_has_letters(const lab_sched *s);

/* The time slice is over: notes the time, for locks (lock.h).
 * Async-signal-safe, on this thread. */
void lab_sched_note_time(lab_sched *s);

/* Mono ns, by a clock that costs less to read (base/near_clock.h). */
uint64_t lab_sched_now(lab_sched *s);

/* The task whose resume is under way (even if it has parked already), until it
 * ends; or NULL. Async-signal-safe, on this thread. */
lab_task *lab_sched_running(const lab_sched *s);
/* List of all tasks not ended, by lab_task.all, in order of creation. */
const lab_list *lab_sched_tasks(const lab_sched *s);
/* Numbers of tasks not ended, any thread: all; those that aren't hidden
 * (lab_task_hide), with whether one of them runs in *RUNS, unless that is NULL;
 * and of these those that wait. */
size_t lab_sched_count(const lab_sched *s);
size_t lab_sched_shown(const lab_sched *s, bool *runs);
size_t lab_sched_waiting(const lab_sched *s);
/* Those that wait for WHY. */
size_t lab_sched_waiting_for(const lab_sched *s, lab_wait why);

#endif
