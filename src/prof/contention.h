/* SPDX-License-Identifier: MIT
 * The profiles block and mutex: where tasks waited for each other, and who let
 * them wait.
 *
 *   block   A task waited for a lock, a wait group, a channel, a select, or
 *           another task's end: one contention at the stack where it waited,
 *           told when the waiting is over. What a task waits for still, isn't
 *           here: the goroutine profile shows it.
 *   mutex   A lock was given up that others waited for: one contention at the
 *           stack that gave it up, for each that got it then.
 *
 * The delay of a contention is how long the task waited. Sleeping, workers'
 * jobs and the network are no contention (the wall profile shows those).
 *
 * Both count from the start of the process on; marks (see registry.h) divide it
 * into steps. What a task of a step does that was left already belongs to the
 * step before, also if it does so later.
 *
 * Threads: any, but for watch and unwatch. */
#ifndef LAB_PROF_CONTENTION_H
#define LAB_PROF_CONTENTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "task/sched.h"

typedef enum lab_contention { LAB_BLOCK, LAB_MUTEX } lab_contention;

/* The tasks of S are watched from now on. One scheduler at a time. Its thread,
 * or before it runs; it must be unwatched before it is freed. */
void lab_contention_watch(lab_sched *s);
void lab_contention_unwatch(lab_sched *s);

/* As Go's SetBlockProfileRate: a wait of NS or longer is always counted, one
 * that took less with a probability of its length over NS, and then stands for
 * NS. 1: all (the default), 0 or less: none. */
void lab_contention_set_block_rate(int64_t ns);
/* As Go's SetMutexProfileFraction: one of N is counted, and stands for N. 1:
 * all (the default), 0 or less: none. */
void lab_contention_set_mutex_fraction(int64_t n);

/* A new visit of a step begins; its tasks have this generation. */
void lab_contention_mark(uint32_t generation);

/* Different stacks so far, as the index page shows it. */
size_t lab_contention_count(lab_contention kind);

/* The state at one moment. */
typedef struct lab_contention_snapshot lab_contention_snapshot;
lab_contention_snapshot *lab_contention_take(lab_contention kind);
/* Accepts NULL. */
void lab_contention_snapshot_free(lab_contention_snapshot *s);
/* It tells all since the process began; without this, since the mark. */
void lab_contention_whole(lab_contention_snapshot *s);

/* Appends profile.proto: contentions/count, delay/nanoseconds. BEFORE: NULL, or
 * an earlier snapshot of the same kind to subtract. 0 or negative errno.
 * Slow (symbols). */
int lab_contention_write(const lab_contention_snapshot *now,
                         const lab_contention_snapshot *before, lab_buf *out);
/* Appends the text form (debug=1), largest delay first. Its cycles are
 * nanoseconds. As slow. */
void lab_contention_write_text(const lab_contention_snapshot *s, lab_buf *out);

#endif
