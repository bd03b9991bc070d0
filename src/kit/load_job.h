/* SPDX-License-Identifier: MIT
 * A load, as a job of a batch (batch.h).
 *
 * Threads: the only one. */
#ifndef LAB_KIT_LOAD_JOB_H
#define LAB_KIT_LOAD_JOB_H

#include <lua.h>
#include <uv.h>

#include "base/err.h"

typedef struct lab_load_job lab_load_job;

/* Reads the plan at the top of L's stack: the table of a lesson (lesson.lua),
 * with `url` before its paths. May raise. */
lab_load_job *lab_load_job_new(lua_State *L, uv_loop_t *loop);
/* Begins; DONE is called once, later, when all have been answered or given up.
 * 0, or -1 and a message. */
int lab_load_job_begin(lab_load_job *j, void (*done)(void *arg), void *arg,
                       lab_err *err);
/* Ends it early; DONE is called. */
void lab_load_job_cancel(lab_load_job *j);
/* Pushes { requests, elapsed, statuses, latency }. */
void lab_load_job_push_result(lua_State *L, const lab_load_job *j);
/* It must not be under way. */
void lab_load_job_free(lab_load_job *j);

#endif
