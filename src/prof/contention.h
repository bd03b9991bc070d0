/* SPDX-License-Identifier: MIT
 * The profiles block and mutex: where tasks waited for each other, and where
 * they made each other wait.
 *
 *   block   A task waited for a lock, a wait group, a channel, a select, a pool
 *           or another task's end: one contention at the stack where it waited,
 *           counted when the waiting is over. Tasks that still wait are not
 *           here, but in the goroutine profile.
 *   mutex   A lock was given up for which others waited: one contention at the
 *           stack that gave it up, for each task that then got the lock. The
 *           delay is the waiting of all tasks, also of those that still wait,
 *           while the lock was held: who keeps it for long has a large delay,
 *           and who was only next in the queue has none (task/lock.h).
 *
 * A wait that ended because its time was over, or by a cancellation, counts in
 * both like any other, as long as it lasted: until its time was over, even if
 * the thread was busy then and the task ran much later. (Go has no lock with a
 * time limit. Who makes one of a channel and a timer sees in block where tasks
 * gave up, and nothing in mutex, where the question is who made them wait.)
 *
 * The delay of a block is how long the task waited. Sleeping, workers'
 * jobs and the network are no contention (the wall profile shows those).
 *
 * Both count from the start of the process; marks (see registry.h) divide that
 * time into steps. A task of a step that was left is always counted in the time
 * before the mark, even if it runs after it. Tasks of the lab's own (urgent
 * ones of no step) aren't counted at all.
 *
 * A step can't make the tables grow without end: see contention_table.h.
 *
 * Threads: any, but for watch and unwatch. */
#ifndef LAB_PROF_CONTENTION_H
#define LAB_PROF_CONTENTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "task/sched.h"

typedef enum lab_contention { LAB_BLOCK, LAB_MUTEX } lab_contention;

/* The tasks of S are watched from now on. One scheduler at a time. Its thread,
 * or before it runs; it must be unwatched before it is freed. */
void lab_contention_watch(lab_sched *s);
void lab_contention_unwatch(lab_sched *s);

/* As Go's SetBlockProfileRate: a wait of NS or longer is always counted. A
 * shorter one is counted with the probability length / NS, and then stands for
 * NS. 1: all waits (the default), 0 or less: none. */
void lab_contention_set_block_rate(int64_t ns);
/* As Go's SetMutexProfileFraction: one contention of N is counted, and stands
 * for N. 1: all (the default), 0 or less: none. */
void lab_contention_set_mutex_fraction(int64_t n);

/* A new visit of a step begins; its tasks have this generation. */
void lab_contention_mark(uint32_t generation);

/* How many records a snapshot shows that was taken now, for the index page. */
size_t lab_contention_count(lab_contention kind);

/* The state at one moment. */
typedef struct lab_contention_snapshot lab_contention_snapshot;
lab_contention_snapshot *lab_contention_take(lab_contention kind);
/* Accepts NULL. */
void lab_contention_snapshot_free(lab_contention_snapshot *s);
/* The snapshot is to show what was counted since the process began; without
 * this call it shows what was counted since the mark. */
void lab_contention_whole(lab_contention_snapshot *s);

#endif
