/* SPDX-License-Identifier: MIT
 * A sink is told what tasks do. Profiles and traces install one; the scheduler
 * and the owners of tasks call its functions. Threads: the scheduler's. */
#ifndef LAB_TASK_SINK_H
#define LAB_TASK_SINK_H

#include "task/task.h"

/* What tasks can wait for and somebody has. */
typedef enum lab_lock_kind {
  LAB_LOCK_MUTEX, /* a lab_mutex */
  LAB_LOCK_RW,    /* a lab_rwmutex */
  LAB_LOCK_POOL,  /* a lab_pool */
} lab_lock_kind;

/* The functions are called on the scheduler's thread, inside of the scheduler's
 * functions: they must be quick, and call none of those. Any may be NULL. */
typedef struct lab_task_sink {
  /* TASK is about to go over to state NEXT (WAITING: for WHY, at STACK); it
   * still shows the state it leaves: state, wait, since, stack. A new task
   * leaves RUNNABLE at 0; one that ends goes to ENDED, and is in the table
   * for the last time. NOW: mono ns. */
  void (*changes)(struct lab_task_sink *sink, const lab_task *task,
                  lab_task_state next, lab_wait why, uint32_t stack,
                  uint64_t now);
  /* HOLDER gave up a lock at STACK, and TIMES tasks (at least 1) got it or had
   * wanted it. All who waited did so for NS in sum while it held the lock. */
  void (*contended)(struct lab_task_sink *sink, const lab_task *holder,
                    uint32_t stack, unsigned times, uint64_t ns);
  /* Who has LOCK, or who waits for it, is about to change. Some task waits for
   * it, before or afterwards. */
  void (*lock_changes)(struct lab_task_sink *sink, const void *lock,
                       lab_lock_kind kind);
  /* TASK is about to get LABEL (lab_task_relabel). NOW as above. */
  void (*relabels)(struct lab_task_sink *sink, const lab_task *task,
                   uint32_t label, uint64_t now);
  /* TASK, which runs, made a call at STACK that kept the scheduler's thread
   * from FROM until UNTIL (mono ns), whether it computed or slept. */
  void (*kept)(struct lab_task_sink *sink, const lab_task *task, uint32_t stack,
               uint64_t from, uint64_t until);
  /* TASK, at STACK, enters or leaves a region of its code (lab.region): they
   * nest. It belongs to the user task task->user_task, or to none. */
  void (*region)(struct lab_task_sink *sink, const lab_task *task,
                 const char *name, bool enters, uint32_t stack);
  /* TASK begins the user task ID (lab.task) within PARENT, or within none (0),
   * which is still its user_task; it has ended ID, and its user_task is that
   * outside again. Tasks, any number of them, work for it in between, and may
   * do so after its end. The user task of a request isn't told: it begins when
   * its task enters the table, and ends with it. */
  void (*user_task_began)(struct lab_task_sink *sink, const lab_task *task,
                          uint64_t id, uint64_t parent, const char *name,
                          uint32_t stack);
  void (*user_task_ended)(struct lab_task_sink *sink, const lab_task *task,
                          uint64_t id, const char *name, uint32_t stack);
  /* While there is a precise sink all times are read from the precise clock.
   * Else only the beginning and the end of WAITING are (LAB_WAIT_NONE
   * excepted), and other times may be early by a clock tick. */
  bool precise;
  /* The same, but a start that follows another change at once has the time of
   * that: it is early by what the lab itself does in between, some
   * microseconds. This costs a request no more than no sink. */
  bool close;
  struct lab_task_sink *next; /* the scheduler's */
} lab_task_sink;

/* Delivers the letters of those who are about to watch (lab_sched_post_ahead),
 * which all functions here and in task.h do that tell a sink. For who is about
 * to change what they read, and for what isn't told by a sink. */
void lab_sched_look_ahead(lab_sched *s);
/* SINK is told from now on, until it is removed; it belongs to its owner. */
void lab_sched_add_sink(lab_sched *s, lab_task_sink *sink);
void lab_sched_remove_sink(lab_sched *s, lab_task_sink *sink);
/* Whether one of them wants precise times, or close ones. */
bool lab_sched_is_close(const lab_sched *s);
/* Tells the sinks' contended: locks call it. */
void lab_sched_contended(lab_sched *s, const lab_task *holder, uint32_t stack,
                         unsigned times, uint64_t ns);
/* Tells the sinks' lock_changes: locks and pools call it. */
void lab_sched_lock_changes(lab_sched *s, const void *lock, lab_lock_kind kind);
/* Tells the sinks' kept. */
void lab_sched_kept(lab_sched *s, const lab_task *task, uint32_t stack,
                    uint64_t from, uint64_t until);
/* Tells the sinks' region. */
void lab_sched_region(lab_sched *s, const lab_task *task, const char *name,
                      bool enters, uint32_t stack);
/* A new user task, within the one that TASK has now: returns its id, never
 * reused. The owner writes it to the user_task of the tasks that work for it,
 * and puts the former one back just before the end. */
uint64_t lab_sched_begin_user_task(lab_sched *s, const lab_task *task,
                                   const char *name, uint32_t stack);
/* The id of a user task that isn't told. */
uint64_t lab_sched_new_user_task(lab_sched *s);
void lab_sched_end_user_task(lab_sched *s, const lab_task *task, uint64_t id,
                             const char *name, uint32_t stack);
/* Whether a sink wants to be told of regions and user tasks. If not, their
 * stacks needn't be taken. */
bool lab_sched_is_traced(lab_sched *s);

#endif
