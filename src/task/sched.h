/* SPDX-License-Identifier: MIT
 * Tasks and their scheduler: goroutines without a language.
 *
 * A task is something that can be resumed, on one thread, the scheduler's. It
 * runs until it parks (waits for something), yields (stays runnable) or ends.
 * What resuming means is the owner's business (a Lua coroutine, in
 * src/script); this module keeps the run queue, the sleepers, the table of all
 * tasks, and the letters from other threads.
 *
 * Threads: functions say "any thread" where it is so; all others belong to the
 * scheduler's thread, the one that called lab_sched_run. */
#ifndef LAB_TASK_SCHED_H
#define LAB_TASK_SCHED_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/queue.h"

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
  LAB_WAIT_NET,          /* "IO wait": the control thread answers */
  LAB_WAIT_KINDS
} lab_wait;

/* Embedded in the owner's struct. Small on purpose: there may be a million.
 * Owners read all of it, and write stack, created_by, label, generation,
 * cancelled and user_task; the scheduler only stores those. */
typedef struct lab_task {
  lab_list link;  /* in the run queue or in some wait queue, or alone */
  lab_list all;   /* in lab_sched.tasks */
  uint64_t id;    /* 1, 2, ... never reused */
  uint64_t since; /* mono ns at which it entered its state; see precise */
  union {
    uint64_t wake;                 /* mono ns at which it wakes, or 0 */
    struct lab_wait_place *places; /* in select: where it waits */
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
  bool urgent : 1;     /* see lab_task_urge */
} lab_task;

/* A place in a queue of a task that waits in several at once (select); it lives
 * in memory of the owner for as long as the task is parked. See
 * lab_task_also_waits. */
typedef struct lab_wait_place {
  lab_list link;               /* in the queue */
  struct lab_wait_place *next; /* of the same task */
  lab_task *task;
} lab_wait_place;

/* A letter to the scheduler's thread, embedded in what it is about. It is in
 * the scheduler's hands until deliver is called, which may free or resend it.
 * Letters of one thread arrive in order. */
typedef struct lab_post {
  lab_mpsc_node node;
  void (*deliver)(struct lab_post *post); /* on the scheduler's thread */
} lab_post;

/* Whoever wants to know what tasks do: profiles, traces. Called on the
 * scheduler's thread, inside its functions: be quick, and call none of them.
 * Any function may be NULL. */
typedef struct lab_task_sink {
  /* TASK is about to go over to state NEXT (WAITING: for WHY, at STACK); it
   * still shows the state it leaves: state, wait, since, stack. A new task
   * leaves RUNNABLE at 0; one that ends goes to ENDED, and is in the table
   * for the last time. NOW: mono ns. */
  void (*changes)(struct lab_task_sink *sink, const lab_task *task,
                  lab_task_state next, lab_wait why, uint32_t stack,
                  uint64_t now);
  /* A lock was given up at STACK, and one that had waited NS for it got it. */
  void (*contended)(struct lab_task_sink *sink, const lab_task *holder,
                    uint32_t stack, uint64_t ns);
  /* TASK is about to get LABEL (lab_task_relabel). NOW as above. */
  void (*relabels)(struct lab_task_sink *sink, const lab_task *task,
                   uint32_t label, uint64_t now);
  /* TASK, at STACK, enters or leaves a region of its code (lab.region): they
   * nest. It belongs to the user task task->user_task, or to none. */
  void (*region)(struct lab_task_sink *sink, const lab_task *task,
                 const char *name, bool enters, uint32_t stack);
  /* The user task ID (lab.task) began within PARENT, or within none (0); it
   * ended. Tasks, any number of them, work for it in between, and may do so
   * after its end. */
  void (*user_task_began)(struct lab_task_sink *sink, const lab_task *task,
                          uint64_t id, uint64_t parent, const char *name,
                          uint32_t stack);
  void (*user_task_ended)(struct lab_task_sink *sink, const lab_task *task,
                          uint64_t id, uint32_t stack);
  /* All times are read from the precise clock while such a sink is there; else
   * only the beginnings and ends of WAITING are, but for LAB_WAIT_NONE, and
   * others may be early by a clock tick. */
  bool precise;
  struct lab_task_sink *next; /* the scheduler's */
} lab_task_sink;

typedef struct lab_sched lab_sched;

typedef struct lab_sched_ops {
  /* Runs TASK (its state is RUNNING) until it parked (lab_task_park, _sleep),
   * was made runnable again (lab_task_ready), or ended (lab_task_end, after
   * which its memory may be gone). One that returns without any of these is
   * lost: RUNNING for ever. */
  void (*resume)(lab_task *task, void *arg);
  /* About to block because nothing is runnable: time to hand over batches. It
   * may make tasks ready. May be NULL. */
  void (*idle)(void *arg);
} lab_sched_ops;

/* OPS is copied. 0, or negative errno when there is no descriptor left. */
int lab_sched_new(lab_sched **out, const lab_sched_ops *ops, void *arg);
/* All tasks must have ended, and nobody may post any more. Letters not
 * delivered are left alone: they belong to their senders again. */
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

/* SINK is told from now on, until it is removed; it belongs to its owner. */
void lab_sched_add_sink(lab_sched *s, lab_task_sink *sink);
void lab_sched_remove_sink(lab_sched *s, lab_task_sink *sink);
/* Whether one of them wants precise times. */
bool lab_sched_is_precise(const lab_sched *s);
/* For locks: tells the sinks' contended. */
void lab_sched_contended(lab_sched *s, const lab_task *holder, uint32_t stack,
                         uint64_t ns);
/* Tells the sinks' region. */
void lab_sched_region(lab_sched *s, const lab_task *task, const char *name,
                      bool enters, uint32_t stack);
/* A new user task, within the one that TASK has now: returns its id, never
 * reused. The owner writes it to the user_task of the tasks that work for it,
 * and puts the former one back at the end. */
uint64_t lab_sched_begin_user_task(lab_sched *s, const lab_task *task,
                                   const char *name, uint32_t stack);
void lab_sched_end_user_task(lab_sched *s, const lab_task *task, uint64_t id,
                             uint32_t stack);
/* Whether any sink wants to hear of regions and user tasks: else nobody needs
 * their stacks. */
bool lab_sched_is_traced(const lab_sched *s);

/* Any thread, not a signal handler: hands POST over. One wake-up for many. */
void lab_sched_post(lab_sched *s, lab_post *post);
/* For a sender that has several: posts without waking, and must wake at the
 * end. A scheduler that is awake, or woken by another, finds them all the same.
 * Any thread. */
void lab_sched_post_quietly(lab_sched *s, lab_post *post);
void lab_sched_wake(lab_sched *s);

/* While it is held no task runs; letters are delivered, and sleepers wake. For
 * whoever must look at everything, piece by piece, while nothing changes. */
void lab_sched_hold(lab_sched *s, bool held);

/* True if another task is runnable, a sleeper is due, a letter waits, or the
 * scheduler was told to stop: the running task should make way.
 * Async-signal-safe, on this thread. */
bool lab_sched_wanted(const lab_sched *s);

/* The task whose resume is under way (even if it has parked already), until it
 * ends; or NULL. Async-signal-safe, on this thread. */
lab_task *lab_sched_running(const lab_sched *s);
/* List of all tasks not ended, by lab_task.all, in order of creation. */
const lab_list *lab_sched_tasks(const lab_sched *s);
/* Numbers of tasks not ended, any thread: all, and those that wait. */
size_t lab_sched_count(const lab_sched *s);
size_t lab_sched_waiting(const lab_sched *s);
/* Those that wait for WHY. */
size_t lab_sched_waiting_for(const lab_sched *s, lab_wait why);

/* Enters a zeroed TASK into the table, WAITING; then make it ready, or let it
 * sleep. O(1), as ready, park and end are; those that sleep cost O(log n). */
void lab_task_init(lab_sched *s, lab_task *task);
/* Runnable at the end of the queue; takes it out of a wait queue and cancels
 * its sleep. It keeps task->stack, where it will go on. The running task yields
 * by it, and may have written that before. Nothing happens if it is runnable
 * already. */
void lab_task_ready(lab_sched *s, lab_task *task);

/* An urgent task goes to the front of the queue instead, and this puts it there
 * if it is runnable now. It comes before all others as long as it is runnable:
 * for short work, or none will ever run. */
void lab_task_urge(lab_sched *s, lab_task *task, bool urgent);
/* As lab_task_ready, for one that has got what it waits for (a lock, a value):
 * by task->granted it can tell that from being cancelled or timed out. */
void lab_task_grant(lab_sched *s, lab_task *task);
/* The running task (or a new one) waits from now on; STACK as in
 * lab_task.stack. The caller may then put task->link into a wait queue of its
 * own: ready and end take it out. */
void lab_task_park(lab_sched *s, lab_task *task, lab_wait why, uint32_t stack);
/* TASK, just parked for anything but LAB_WAIT_SELECT, waits for NS at most:
 * then it is ready, if it isn't before. */
void lab_task_wake_after(lab_sched *s, lab_task *task, uint64_t ns);
/* TASK, just parked for LAB_WAIT_SELECT, waits at the end of QUEUE, too. It
 * leaves all such queues at once, by ready, grant or end; PLACE is the caller's
 * again then. */
void lab_task_also_waits(lab_task *task, lab_list *queue,
                         lab_wait_place *place);
/* Parks it until NS from now, for ever if the clock can't count that far; 0: it
 * yields. It never wakes early by itself; lab_task_ready wakes it. */
void lab_task_sleep(lab_sched *s, lab_task *task, uint64_t ns, uint32_t stack);
/* Changes task->label and tells the sinks. Before lab_task_init just write it.
 */
void lab_task_relabel(lab_sched *s, lab_task *task, uint32_t label);
/* Leaves the table, from any state; the owner may free it. */
void lab_task_end(lab_sched *s, lab_task *task);

/* Go's word for it; "" for LAB_WAIT_NONE. Any thread. */
const char *lab_wait_name(lab_wait why);

#endif
