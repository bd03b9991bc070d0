/* SPDX-License-Identifier: MIT
 * Sends requests to an HTTP/1.1 server as a plan (plan.h) says, and measures
 * the answers. It knows nothing about diaglab: any server will do.
 *
 *   load = lab_load_begin(loop, &config);   ... config.done is called
 *   lab_load_cancel(load);                  ends it before that
 *
 * Connections are kept open between requests. If the server has closed one
 * meanwhile, a GET or HEAD that nothing came back for is sent again on a new
 * one, and still counts once. Redirects are answers like any other.
 *
 * The files, in the order in which they may call each other:
 *   hdr, plan < link (one connection) < group (when to send) < load < report
 *
 * Threads: everything here runs on the thread of the loop. */
#ifndef LAB_LOAD_LOAD_H
#define LAB_LOAD_LOAD_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "base/err.h"
#include "load/hdr.h"
#include "load/plan.h"

typedef struct lab_load lab_load;

/* What has been seen so far, of the plan itself: neither of its `first` nor of
 * its `beside`. */
typedef struct lab_load_result {
  uint64_t sent;
  uint64_t status[6]; /* answers by the status's first digit; [0]: requests
                         without an answer: time-out, connection refused, ... */
  uint64_t timeouts;  /* those of [0] that had waited long enough */
  uint64_t unsent;    /* were due by `rate`, but no client was free till the end
                       */
  uint64_t connections;
  uint64_t bytes; /* received */
  uint64_t elapsed_ns;
  /* ns until the answer was there. Requests that timed out and those that were
   * not sent are in it with the time that they have waited; requests whose
   * connection failed are not. */
  const lab_hdr *latency;
  char error[512]; /* the first failure of a request; "" */
  bool cancelled;
} lab_load_result;

typedef struct lab_load_config {
  const char *url; /* "http://host:port"; its path is not used */
  const lab_load_plan *plan;
  uint64_t progress_ms; /* how often progress is called; 0: never */
  void (*progress)(void *arg, const lab_load_result *so_far);
  /* The load has ended, and everything is given back but RESULT, which is gone
   * when this returns. Called once, never from begin or cancel. */
  void (*done)(void *arg, const lab_load_result *result);
  void *arg;
} lab_load_config;

/* Begins a load; plan and texts must stay until it is done. NULL, with a
 * message, if URL or plan are wrong or libuv refuses; then done isn't called.
 *
 * If no connection at all could be made, it ends early instead of failing each
 * request. */
lab_load *lab_load_begin(uv_loop_t *loop, const lab_load_config *config,
                         lab_err *err);
/* The same on a loop of its own; returns when it is done. 0, or negative errno
 * if it couldn't begin. */
int lab_load_run(const lab_load_config *config, lab_err *err);
/* Ends it now: requests under way are dropped and count as sent. */
void lab_load_cancel(lab_load *load);

#endif
