/* SPDX-License-Identifier: MIT
 * Locks of tasks: mutex, reader/writer mutex, wait group, as in Go's package
 * sync.
 *
 * Nothing here blocks a thread. Taking a lock is two calls: first try; if that
 * says false, wait, which parks the task, and its owner suspends it. The lock
 * is handed to it later, in the order in which tasks came (so no other task can
 * take it first), and the task is made ready with task->granted set.
 * Waiting needs no memory: the queues go through lab_task.link.
 *
 *   if (!lab_mutex_try_lock(m)) {
 *     lab_mutex_wait(s, m, me, stack);
 *     ...suspend the task; when it runs again:
 *     if (me->granted && me->cancelled)
 *       lab_mutex_unlock(s, m, stack);
 *   }
 *
 * One that waits may give up: it is cancelled, or waits no longer than some
 * time (lab_task_wake_after). Then lab_mutex_give_up is called, from the
 * scheduler's gives_up. It leaves no trace: the others keep their order, and
 * those whom only it has kept out come in. A lock that was handed to a task
 * before it was cancelled must be unlocked, as above.
 *
 * Who has a lock answers for those who wait meanwhile. All their waiting while
 * it is held is counted where it is given up (lab_sched_contended), however
 * many they are, and whether they get it then or not; of one that gives up,
 * until then, and not until it runs again. (If its time was over before, until
 * that: it could have run.) While several readers have it, each
 * answers for an equal part. So the sums of what is charged and of what tasks
 * have waited are the same. STACK is where the lock is given up.
 * It is worth taking only if there is something to charge: ask
 * lab_mutex_is_charged. 0: nothing is counted.
 *
 * A lock also knows who has it, for those who ask why a task waits
 * (lab_lock_view). That costs two stores: "since" is the scheduler's moment, so
 * it may be up to a time slice early.
 *
 * A lock's memory may be freed when no task waits for it, even if it is locked.
 * Threads: the scheduler's. */
#ifndef LAB_TASK_LOCK_H
#define LAB_TASK_LOCK_H

#include "task/sched.h"

enum { LAB_LOCK_SHOWN = 4 };

/* How long tasks have waited while a lock was held. Private to lock.c. */
typedef struct lab_lock_load {
  size_t waiting; /* tasks in the queues */
  uint64_t at;    /* mono ns up to which `ns` is right, if tasks wait */
  double ns;      /* for which each holder answers, if it has held the lock all
                     the time since nobody had it */
} lab_lock_load;

/* One who has a lock that others may have, too. */
typedef struct lab_lock_hold {
  uint64_t task;  /* id; 0: no task was running */
  uint64_t since; /* mono ns */
  double ns;      /* the load's when it got the lock */
} lab_lock_hold;

/* Who has a lock, or the things of a pool (pool.h), and how many wait. */
typedef struct lab_lock_view {
  lab_lock_hold holders[LAB_LOCK_SHOWN]; /* the first ones, the oldest first */
  size_t held;                           /* how many have it; 0: it is free */
  size_t waiting;
  size_t size;  /* of a pool; 0: it is a lock */
  bool reading; /* they read */
} lab_lock_view;

/* ---- mutex --------------------------------------------------------------- */

typedef struct lab_mutex {
  lab_list waiters;
  lab_lock_load load;
  lab_lock_hold hold; /* if it is locked; ns is unused */
  bool locked;
} lab_mutex;

void lab_mutex_init(lab_mutex *m);
/* Locks it for the task that runs, if one does, unless it is locked. Returns
 * whether it did. */
bool lab_mutex_try_lock(lab_sched *s, lab_mutex *m);
/* After a try that failed: ME waits for it, parked at STACK. */
void lab_mutex_wait(lab_sched *s, lab_mutex *m, lab_task *me, uint32_t stack);
/* ME waits for M, and gives up (lab_sched_ops.gives_up). */
void lab_mutex_give_up(lab_sched *s, lab_mutex *m, lab_task *me);
/* Whether a task waits for it, or has waited since it was locked. */
static inline bool lab_mutex_is_charged(const lab_mutex *m) {
  return m->load.waiting > 0 || m->load.ns > 0;
}
/* Hands it to the first waiter, or unlocks it. Any task may, as in Go. 0, or
 * -EPERM if it is unlocked. */
int lab_mutex_unlock(lab_sched *s, lab_mutex *m, uint32_t stack);
lab_lock_view lab_mutex_view(const lab_mutex *m);

/* ---- rwmutex ------------------------------------------------------------- */

/* Many readers or one writer. A writer that waits keeps new readers out; when
 * it is done, all readers that came meanwhile go first, then the next writer.
 * So neither side starves. */
typedef struct lab_rwmutex {
  lab_list readers, writers; /* that wait */
  lab_lock_load load;
  size_t reading; /* readers that have it */
  bool writing;
  lab_lock_hold *holders; /* `reading` of them, or one that writes */
  size_t room;            /* for holders */
} lab_rwmutex;

void lab_rwmutex_init(lab_rwmutex *m);
/* Makes room for one more who has it; call it before each try. False: there is
 * no memory (the room counts as the scenario's), and M is as before. */
bool lab_rwmutex_reserve(lab_rwmutex *m);
/* Frees what M has allocated; no task waits for it. It is unlocked then. */
void lab_rwmutex_free(lab_rwmutex *m);
/* WRITE: for writing, else for reading. The rest as for a mutex. If another
 * task than a reader ends its reading, that of the one who has read longest
 * ends. */
bool lab_rwmutex_try_lock(lab_sched *s, lab_rwmutex *m, bool write);
void lab_rwmutex_wait(lab_sched *s, lab_rwmutex *m, lab_task *me, bool write,
                      uint32_t stack);
void lab_rwmutex_give_up(lab_sched *s, lab_rwmutex *m, lab_task *me);
static inline bool lab_rwmutex_is_charged(const lab_rwmutex *m) {
  return m->load.waiting > 0 || m->load.ns > 0;
}
/* -EPERM if it isn't locked in this way. */
int lab_rwmutex_unlock(lab_sched *s, lab_rwmutex *m, bool write,
                       uint32_t stack);
lab_lock_view lab_rwmutex_view(const lab_rwmutex *m);

/* ---- wait group ---------------------------------------------------------- */

/* A counter that tasks can wait for to become 0. One that gives up needs no
 * further call. */
typedef struct lab_wait_group {
  lab_list waiters;
  int64_t count;
} lab_wait_group;

void lab_wait_group_init(lab_wait_group *g);
/* Adds DELTA; at 0 all who wait are woken. 0, or -ERANGE (nothing changes) when
 * it would become negative or too big. */
int lab_wait_group_add(lab_sched *s, lab_wait_group *g, int64_t delta);
/* Parks ME until the counter is 0, which it isn't now. */
void lab_wait_group_wait(lab_sched *s, lab_wait_group *g, lab_task *me,
                         uint32_t stack);

#endif
