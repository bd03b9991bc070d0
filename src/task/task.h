/* SPDX-License-Identifier: MIT
 * A task: something that can be resumed, like a goroutine. It runs until it
 * parks (waits for something), yields (stays runnable) or ends. What resuming
 * means is its owner's business: in this program a task is a Lua coroutine.
 * The scheduler (sched.h) says which task runs.
 *
 * Threads: the scheduler's, the one that called lab_sched_run, unless a
 * function says otherwise. */
#ifndef LAB_TASK_TASK_H
#define LAB_TASK_TASK_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/queue.h"

typedef struct lab_sched lab_sched; /* task/sched.h */

typedef enum lab_task_state {
  LAB_TASK_RUNNABLE,
  LAB_TASK_RUNNING,
  LAB_TASK_WAITING,
  LAB_TASK_ENDED,
} lab_task_state;

/* Why a task waits; lab_wait_name gives Go's words for it. */
typedef enum lab_wait {
  LAB_WAIT_NONE,
  LAB_WAIT_SLEEP,        /* "sleep" */
  LAB_WAIT_WORKER,       /* "syscall": a worker runs its job */
  LAB_WAIT_JOIN,         /* "join": until another task ends */
  LAB_WAIT_MUTEX,        /* "sync.Mutex.Lock" */
  LAB_WAIT_RLOCK,        /* "sync.RWMutex.RLock" */
  LAB_WAIT_WLOCK,        /* "sync.RWMutex.Lock" */
  LAB_WAIT_WAIT_GROUP,   /* "sync.WaitGroup.Wait" */
  LAB_WAIT_SEND,         /* "chan send" */
  LAB_WAIT_RECEIVE,      /* "chan receive" */
  LAB_WAIT_SELECT,       /* "select" */
  LAB_WAIT_SELECT_EMPTY, /* "select (no cases)" */
  LAB_WAIT_NET,          /* "IO wait": for the network, or a child */
  LAB_WAIT_POOL,         /* "pool wait": all of a pool are taken */
  LAB_WAIT_PRIMITIVE,    /* "primitive wait": until another thread wakes it */
  LAB_WAIT_KINDS
} lab_wait;

/* Embedded in the owner's struct. It is small because there may be a million.
 * Owners read all of it, and write stack, created_by, label, generation,
 * cancelled and user_task; the scheduler only stores those. If what a new task
 * is for came earlier, they also set back `since`. */
typedef struct lab_task {
  union {
    lab_list link; /* in the run queue or in some wait queue, or alone */
    struct lab_wait_place *places; /* in select: where it waits */
  };
  lab_list all;   /* in lab_sched.tasks */
  uint64_t id;    /* 1, 2, ... never reused */
  uint64_t since; /* mono ns at which it entered its state; see precise */
  union {
    uint64_t wake;                /* mono ns at which it wakes, or 0 */
    const _Atomic uint64_t *over; /* if has_over: see lab_task_watch_over */
  };
  uint64_t user_task;  /* lab_sched_begin_user_task's, or 0 */
  uint32_t heap;       /* it will wake: place in the timer heap + 1 */
  uint32_t stack;      /* not running: its stack (src/stack), or 0 */
  uint32_t created_by; /* stack of its creator, or 0 */
  uint32_t label;      /* profile labels while it runs, or 0 */
  uint32_t generation; /* the step's visit it belongs to */
  uint8_t state;       /* lab_task_state */
  uint8_t wait;        /* lab_wait */
  bool cancelled;      /* it must end at its next chance */
  bool granted : 1;    /* woken by lab_task_grant; false while it waits */
  bool expired : 1;    /* woken because its time was over; likewise */
  bool urgent : 1;     /* see lab_task_urge */
  bool late : 1;       /* see lab_task_defer */
  bool has_over : 1;   /* it waits, and `over` says until when */
  bool hidden : 1;     /* see lab_task_hide */
} lab_task;

/* When what TASK waits for is over, as far as that is known (mono ns), or
 * UINT64_MAX: its time, or what another thread does for it. From then on it
 * could run, even if the scheduler has no time to notice. */
static inline uint64_t lab_task_due(const lab_task *task) {
  if (task->state != LAB_TASK_WAITING)
    return UINT64_MAX;
  uint64_t due = task->has_over ? atomic_load(task->over) : task->wake;
  return due > 0 ? due : UINT64_MAX;
}

/* The place that a task has in one queue while it waits in several at once
 * (select). It lives in memory of the owner for as long as the task is parked.
 * See lab_task_also_waits. */
typedef struct lab_wait_place {
  lab_list link;               /* in the queue */
  struct lab_wait_place *next; /* of the same task */
  lab_task *task;
} lab_wait_place;

/* Enters a zeroed TASK into the table, as WAITING; then make it ready, or let
 * it sleep. This takes O(1), as ready, park and end do; O(log n) for a task
 * that sleeps. NOW: lab_sched_now, if it was just read; else 0. */
void lab_task_init(lab_sched *s, lab_task *task, uint64_t now);
/* The same, and makes it ready at once. */
void lab_task_start(lab_sched *s, lab_task *task);
/* TASK is runnable from now on, at the end of the run queue; it leaves its wait
 * queue, and its sleep is cancelled. task->stack stays: it is where the task
 * will go on. The running task yields by this call, and may have set its stack
 * before. Nothing happens if it is runnable already. */
void lab_task_ready(lab_sched *s, lab_task *task);

/* The running task makes way for letters, and for no other task: it is runnable
 * at the front of the run queue. As in lab_task_ready, it may have set its
 * stack before. */
void lab_task_step_aside(lab_sched *s, lab_task *task);

/* An urgent task goes before those that aren't, behind other urgent ones; if it
 * is runnable now, it is put there at once. It runs before all others as long
 * as it is runnable, so its work must be short, or the others never run. */
void lab_task_urge(lab_sched *s, lab_task *task, bool urgent);
/* A hidden task does the lab's own work, as those of Go's runtime do: it is in
 * no number of tasks, and profiles of tasks leave it out. It may change while
 * the task runs, and before that has been anywhere. */
void lab_task_hide(lab_sched *s, lab_task *task, bool hidden);
/* The running task makes way, and is late from now on: whenever it is runnable,
 * and others are, too, it and all late ones share every other turn. So a crowd
 * that is to end keeps nobody from running. It must not be urgent. */
void lab_task_defer(lab_sched *s, lab_task *task);
/* As lab_task_ready, for a task that has got what it waits for (a lock, a
 * value). It sees that in task->granted, which is false after a timeout or a
 * cancellation. */
void lab_task_grant(lab_sched *s, lab_task *task);
/* As lab_task_ready, for a task that waits and won't get it: it was cancelled,
 * or its time is over. Who counts those that wait is told before
 * (lab_sched_ops.gives_up). */
void lab_task_give_up(lab_sched *s, lab_task *task);
/* The running task (or a new one) waits from now on, for WHY; STACK as in
 * lab_task.stack. The caller may then put task->link into a wait queue of its
 * own: ready and end take it out. */
void lab_task_park(lab_sched *s, lab_task *task, lab_wait why, uint32_t stack);
/* TASK, which was just parked, waits for NS at most: then it gives up, unless
 * it was made ready before. It sees that in task->expired. Of several that are
 * due, the one whose time was over first gives up first. */
void lab_task_wake_after(lab_sched *s, lab_task *task, uint64_t ns);
/* Those whose time is over give up now, as the scheduler has them do between
 * two turns. */
void lab_task_wake_due(lab_sched *s);
/* Another thread, which does what TASK was just parked for, writes into *OVER
 * when that is done (mono ns; 0 until then). Instead of wake_after. *OVER must
 * stay until TASK is ready. */
void lab_task_watch_over(lab_task *task, const _Atomic uint64_t *over);
/* TASK, which was just parked for LAB_WAIT_SELECT, waits at the end of QUEUE,
 * too. Ready, grant or end take it out of all such queues at once; then PLACE
 * is the caller's again. */
void lab_task_also_waits(lab_task *task, lab_list *queue,
                         lab_wait_place *place);
/* Parks it until NS from now, for ever if the clock can't count that far; 0: it
 * yields. Before that time only lab_task_ready wakes it. */
void lab_task_sleep(lab_sched *s, lab_task *task, uint64_t ns, uint32_t stack);
/* Changes task->label and tells the sinks. Before lab_task_init write the field
 * itself. */
void lab_task_relabel(lab_sched *s, lab_task *task, uint32_t label);
/* Leaves the table, from any state; the owner may free it. */
void lab_task_end(lab_sched *s, lab_task *task);

/* Go's word for it; "" for LAB_WAIT_NONE. Any thread. */
const char *lab_wait_name(lab_wait why);

#endif
