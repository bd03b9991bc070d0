/* SPDX-License-Identifier: MIT
 * The server's state, which all files of this folder share. A handler answers
 * one path: router.c has the table of them, and each has a header of its own.
 * The files, in the order in which they may call each other:
 *
 *   slow                    requests that take their time
 *   number, since, format   numbers in requests, as Go reads them; where what
 *                           adds up begins; the form of an answer
 *   pack, timing            texts are packed; where the time has gone
 *   pprof_answer, recording, sampling, collapsed
 *                           what several profiles have in common
 *   cors                    pages of other origins may read
 *   exposition              the format of /metrics
 *   request_stats, loop_lag what the server knows of its own work
 *   page                    the page at /lab/ is asked, and told what happens
 *   activity, keep          what students were given is kept, as evidence
 *   metrics, vars           two handlers, and
 *   first_numbers           what they say when a visit begins
 *   application, goto, ...  the other handlers
 *   router                  finds the handler for a request
 *   web                     begin and end of the server
 *
 * Some functions of libuv are declared to return an error, but never do: those
 * that init, start and stop timers, check handles and prepare handles, as long
 * as they are given a callback. So nobody looks at what these return.
 *
 * Threads: the control thread, unless a header says otherwise. */
#ifndef LAB_WEB_WEB_INTERNAL_H
#define LAB_WEB_WEB_INTERNAL_H

#include <stdbool.h>

#include "base/queue.h"
#include "diagnosis/captures.h"
#include "diagnosis/standing.h"
#include "http/http.h"
#include "web/activity.h"
#include "web/answer.h"
#include "web/application.h"
#include "web/first_numbers.h"
#include "web/loop_lag.h"
#include "web/page.h"
#include "web/progress.h"
#include "web/request_stats.h"
#include "web/steps.h"
#include "web/web.h"

struct lab_web {
  lab_web_config config;
  lab_http_guard_config guard;
  lab_http_origins origins; /* pages that may read */
  char **dirs; /* with scenarios, for the pool: the VM's may be gone already */
  size_t ndirs;
  lab_http_server *server; /* NULL once it has closed */
  bool stopping;           /* the VM may not be used any more */
  lab_list slow;           /* requests under way, by lab_slow.link */
  lab_list late_waits;     /* those that wait for late work, by .late */
  unsigned late_at_work;   /* requests whose late work hasn't ended */
  size_t slow_bodies;      /* bytes of their bodies */
  unsigned recordings;     /* under way */
  lab_list gotos; /* switches without an answer, by goto_request.link */
  lab_http_request *last_goto; /* the newest, until its answer; or NULL */
  uint64_t gotos_looked_at;    /* ms of the loop */
  lab_steps_lane steps, hints;
  lab_hints_told *told; /* one for each step with hints that were told */
  size_t ntold;
  lab_web_visits visits;
  lab_activity activity;
  lab_captures captures;
  lab_first_numbers first_numbers;
  lab_answers answers;
  lab_progress *progress;
  lab_web_notes notes;
  lab_standing *standing;  /* what it adds up to, for /metrics */
  lab_request_stats stats; /* the application's requests */
  lab_loop_lag lag;
  lab_web_page page; /* all NULL: there is none */
};

#define LAB_WEB_TEXT "text/plain; charset=utf-8"
#define LAB_WEB_JSON "application/json; charset=utf-8"
#define LAB_WEB_NOSNIFF "X-Content-Type-Options: nosniff\r\n"

#endif
