/* SPDX-License-Identifier: MIT
 * The wall profile: where tasks spent the time of the clock on the wall, on the
 * processor and off it. Each task accounts for the whole duration, so a
 * thousand of them for a thousand times that.
 *
 *   on    a CPU profile (cpu.h), which samples
 *   off   exact: every change of state of every task is told by the scheduler,
 *         with the stack where it waited
 *
 * The label `state` says which: "running" and "runnable" (it could run, but
 * another task did), or what it waited for in Go's words (lab_wait_name).
 *
 *   [runnable]            leaf of the stacks of time spent runnable
 *   [running, off CPU]    leaf of the rest of the time that tasks had the VM:
 *                         the kernel ran something else, or read a page for it;
 *                         in proportion to where they were seen on the CPU
 *   state "syscall"       waiting for a worker, and a worker's waiting; what it
 *                         computes is "running"
 *
 * Use: start; watch on the scheduler's thread; some time; end; collect, part by
 * part, on the scheduler's thread; write; free. Any number at a time. */
#ifndef LAB_PROF_WALL_H
#define LAB_PROF_WALL_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/err.h"
#include "task/sched.h"

typedef struct lab_wall lab_wall;

/* The time begins. HZ as lab_cpu_start's. 0, or negative errno. Any thread but
 * the scheduler's. */
int lab_wall_start(lab_wall **out, int hz, lab_err *err);

/* Tasks of S are watched from now on, until collect or unwatch; what they do
 * since start (but for what the task that ran then has done) is known. The
 * scheduler's thread, like both of these. */
void lab_wall_watch(lab_wall *w, lab_sched *s);
/* After end: looks at some of the tasks that still do what they did when the
 * time ended, for 2 ms at most. True if there are more; false: it watches no
 * longer. */
bool lab_wall_collect(lab_wall *w);
/* Nobody wants to know any more. */
void lab_wall_unwatch(lab_wall *w);

/* The time is over. Quick. Any thread but the scheduler's. */
void lab_wall_end(lab_wall *w);
/* After collect: appends the gzip'ed profile.proto: samples/count,
 * time/nanoseconds. 0 or negative errno. Takes up to 0.25 s and is slow
 * (symbols): as lab_cpu_stop. */
int lab_wall_write(lab_wall *w, lab_buf *out);
/* Not while it watches. Accepts NULL. Any thread but the scheduler's. */
void lab_wall_free(lab_wall *w);

#endif
