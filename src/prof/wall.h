/* SPDX-License-Identifier: MIT
 * The wall profile: where tasks spent real time (that of the clock on the
 * wall), on the processor and off it. Each task accounts for the whole
 * duration, so a thousand tasks for a thousand times the duration.
 *
 *   on    a CPU profile (cpu.h), which samples
 *   off   exact: the scheduler tells of every change of state of every task,
 *         with the stack where it waited
 *
 * The label `state` says which: "running" and "runnable" (it could run, but
 * another task did), or what it waited for in Go's words (lab_wait_name).
 *
 *   [runnable]            leaf of the stacks of time spent runnable
 *   [running, off CPU]    leaf of the rest of the time that tasks had the VM:
 *                         they slept or waited in a call that kept it, as files
 *                         do that are opened inline; or, anywhere, the kernel
 *                         ran something else, or read a page for it: in
 *                         proportion to where they were seen on the CPU
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
#include "prof/wall_write.h"
#include "task/sched.h"

typedef struct lab_wall lab_wall;

/* The time begins. HZ as lab_cpu_start's. 0, or negative errno. Any thread but
 * the scheduler's. */
int lab_wall_start(lab_wall **out, int hz, lab_err *err);

/* The tasks of S are watched from now on, until collect or unwatch. What they
 * do counts from start on if nothing has changed since: so ask for it by a
 * letter ahead (lab_sched_post_ahead), which the task that runs can't keep
 * waiting for longer than it goes on without a change. FIND is asked for the
 * stack of a task that could run and has none (lab_task.stack): its time slice
 * was over, or it has not begun. NULL: nobody knows. The scheduler's thread, as
 * for the next two. */
void lab_wall_watch(lab_wall *w, lab_sched *s,
                    uint32_t (*find)(const lab_task *task));
/* After end: looks at some of the tasks that still do what they did when the
 * time ended, for 2 ms at most. True if there are more; false: that was the
 * last one, and W watches no longer. */
bool lab_wall_collect(lab_wall *w);
/* The profile isn't wanted any more: stops watching. */
void lab_wall_unwatch(lab_wall *w);

/* The time is over. Quick. Any thread but the scheduler's. */
void lab_wall_end(lab_wall *w);
/* After end: W isn't written any more. Its samples go now, and nothing is
 * sampled for it; the VM may still watch, if it can't be told yet. Any thread
 * but the scheduler's. */
void lab_wall_drop(lab_wall *w);
/* Not while it watches. Accepts NULL. Any thread but the scheduler's. */
void lab_wall_free(lab_wall *w);

#endif
