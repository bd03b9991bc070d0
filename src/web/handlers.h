/* SPDX-License-Identifier: MIT
 * Shared by the files of src/web only: the server's state, the handlers that
 * the router knows, and what they have in common. */
#ifndef LAB_WEB_HANDLERS_H
#define LAB_WEB_HANDLERS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/metric.h"
#include "base/queue.h"
#include "http/http.h"
#include "web/exposition.h"
#include "web/web.h"

enum {
  LAB_WEB_STEPS = 32,  /* steps whose requests are counted apart */
  LAB_WEB_CLASSES = 6, /* of statuses: 0 (never), 1xx to 5xx */
};

/* The application's requests of one step: see load.c. */
typedef struct lab_web_load {
  int step;
  _Atomic uint64_t answers[LAB_WEB_CLASSES];
  lab_histogram latency;
} lab_web_load;

struct lab_web {
  lab_web_config config;
  lab_http_guard_config guard;
  lab_http_server *server; /* NULL once it has closed */
  bool stopping;           /* the VM may not be used any more */
  unsigned in_flight;      /* requests that the VM has */
  struct visit *idle;      /* root.c: for the next requests */
  unsigned nidle;
  lab_list slow; /* requests under way, by lab_slow.link */

  lab_web_load *loads[LAB_WEB_STEPS + 1]; /* the last one: all other steps */
  atomic_uint nloads;
  lab_web_load *load; /* of the last request */
  lab_metric *lag;    /* of the loop; NULL: no longer measured */
  uv_check_t poll_ended;
  uv_prepare_t poll_begins;
  uint64_t turn_began; /* mono ns */
};

#define LAB_WEB_TEXT "text/plain; charset=utf-8"
#define LAB_WEB_NOSNIFF "X-Content-Type-Options: nosniff\r\n"

/* ---- handlers: each answers REQ, now or later -----------------------------
 */

void lab_web_root(lab_web *web, lab_http_request *req);
void lab_web_goto(lab_web *web, lab_http_request *req);
void lab_web_vars(lab_web *web, lab_http_request *req);
void lab_web_index(lab_web *web, lab_http_request *req);
void lab_web_cmdline(lab_web *web, lab_http_request *req);
void lab_web_symbol(lab_web *web, lab_http_request *req);
void lab_web_cpu_profile(lab_web *web, lab_http_request *req);
/* Reads what profiles that sample are asked: hz and seconds. False if there is
 * something wrong with them, and REQ has its answer. */
bool lab_web_sampling(lab_http_request *req, int *hz, int64_t *seconds);
void lab_web_wall_profile(lab_web *web, lab_http_request *req);
void lab_web_trace(lab_web *web, lab_http_request *req);
void lab_web_gperf_profile(lab_web *web, lab_http_request *req);
void lab_web_gperf_heap(lab_web *web, lab_http_request *req);
/* /debug/pprof/NAME for every name of the registry. */
void lab_web_named_profile(lab_web *web, lab_http_request *req);
void lab_web_metrics(lab_web *web, lab_http_request *req);
void lab_web_status(lab_web *web, lab_http_request *req);
void lab_web_steps(lab_web *web, lab_http_request *req);
void lab_web_hint(lab_web *web, lab_http_request *req);

/* Frees the visits that root.c keeps. */
void lab_web_free_visits(lab_web *web);

/* ---- load.c: what the server itself does ----------------------------------
 */

/* Counts an answer to a request that STEP served, and that came at BEGAN (mono
 * ns; 0: it was refused, so its time says nothing). Some 40 ns. */
void lab_web_account(lab_web *web, int step, int status, uint64_t began);
/* Any thread. */
void lab_web_write_load(lab_web *web, lab_exposition *e);
void lab_web_free_loads(lab_web *web);
/* Measures how long the loop is busy. */
void lab_web_watch_loop(lab_web *web);
void lab_web_unwatch_loop(lab_web *web);

/* ---- numbers and errors as Go's -------------------------------------------
 */

/* A decimal number as strconv.Atoi reads it. 0, -EINVAL ("invalid syntax", *OUT
 * is 0) or -ERANGE ("value out of range", *OUT is the nearest). */
int lab_web_atoi(const char *text, int64_t *out);
/* TEXT as strconv.Quote writes it. */
void lab_web_quote(const char *text, lab_buf *out);

/* A parameter of the query, or of a posted form, as a number: 0 if it is
 * missing or isn't one. */
int64_t lab_web_number(const lab_http_request *req, const char *key);

/* As net/http/pprof's serveError: the header makes `go tool pprof` show TEXT.
 */
void lab_web_pprof_error(lab_http_request *req, int status, const char *text);
/* The binary answer; takes BODY. NAME and SUFFIX make the file's name. */
void lab_web_pprof_file(lab_http_request *req, const char *name,
                        const char *suffix, lab_buf *body);

/* ---- slow.c: requests that take their time --------------------------------
 */

/* The first member of a handler's own object, which is lab_xmalloc's.
 *
 * The request is held. A request that pauses ends if its client goes away: at
 * once in a pause, after the present work later on. One that only works is
 * answered in any case, so that a client may close its half after asking. */
typedef struct lab_slow {
  lab_web *web;
  lab_http_request *req;
  lab_list link;
  uv_work_t work;
  uv_timer_t timer;
  bool working, paused, gone;
  void (*run)(struct lab_slow *s);
  void (*next)(struct lab_slow *s);
  void (*cleanup)(struct lab_slow *s);
} lab_slow;

/* CLEANUP gives back all that the object has, but not its own memory. */
void lab_slow_begin(lab_slow *s, lab_web *web, lab_http_request *req,
                    void (*cleanup)(lab_slow *s));
/* RUN on another thread, then NEXT on the loop. */
void lab_slow_work(lab_slow *s, void (*run)(lab_slow *s),
                   void (*next)(lab_slow *s));
/* NEXT after MS, or as soon as the lab stops. S may be gone on return. */
void lab_slow_pause(lab_slow *s, uint64_t ms, void (*next)(lab_slow *s));
/* Ends a pause now. */
void lab_slow_wake(lab_slow *s);
/* The answer was given: cleans up and frees the object. */
void lab_slow_end(lab_slow *s);

#endif
