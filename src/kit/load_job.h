/* SPDX-License-Identifier: MIT
 * A load, as a job of a batch (batch.h).
 *
 * Threads: the only one. */
#ifndef LAB_KIT_LOAD_JOB_H
#define LAB_KIT_LOAD_JOB_H

#include <lua.h>
#include <uv.h>

typedef struct lab_load_job lab_load_job;

/* Reads the plan at the top of L's stack: the table of a lesson (lesson.lua),
 * with `url` before its paths. May raise. */
lab_load_job *lab_load_job_new(lua_State *L, uv_loop_t *loop);
/* Begins; DONE is called once, when all have been answered or given up. */
void lab_load_job_begin(lab_load_job *j, void (*done)(void *arg), void *arg);
/* Pushes { requests, elapsed, statuses, latency }. */
void lab_load_job_push_result(lua_State *L, const lab_load_job *j);
/* Also while it runs: DONE is not called then. Its handles are closed by the
 * loop's next rounds. */
void lab_load_job_free(lab_load_job *j);

#endif
