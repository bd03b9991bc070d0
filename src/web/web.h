/* SPDX-License-Identifier: MIT
 * What the lab serves: the application at "/", the switch at /goto, and the
 * endpoints that Go's tools know, under /debug.
 *
 *   lab_web_new(&web, &config);
 *   lab_web_listen(web, address, &port, &err);
 *   ... uv_run ...
 *   lab_web_stop(web); lab_vm_free(vm, ...); ... uv_run ends ...
 *   lab_web_free(web);
 *
 * Nothing here blocks: what is slow (symbols, encoding, waiting) happens on
 * libuv's pool or between two timers, so that every endpoint answers while a
 * scenario hangs.
 *
 * Threads: the control thread. */
#ifndef LAB_WEB_WEB_H
#define LAB_WEB_WEB_H

#include <stddef.h>
#include <uv.h>

#include "base/err.h"
#include "script/script.h"

enum {
  LAB_WEB_QUEUE_MAX = 4096,     /* default of queue_max */
  LAB_WEB_SECONDS_MAX = 600,    /* longest profile */
  LAB_WEB_SECONDS_PROFILE = 30, /* default of a CPU profile */
};

typedef struct lab_web lab_web;

typedef struct lab_web_config {
  uv_loop_t *loop;
  lab_vm *vm;
  const char *const *argv; /* what /debug/pprof/cmdline tells; kept */
  size_t argc;
  const char *version;      /* what /status tells; kept */
  const char *const *hosts; /* further names for the Host header; kept */
  size_t nhosts;
  /* Requests that the VM may have at a time; one more is told 503. 0: the
   * default. */
  unsigned queue_max;
  uint64_t trace_events; /* most events of a trace; 0: the default */
} lab_web_config;

/* CONFIG is copied, not what it points to. 0 or negative errno. */
int lab_web_new(lab_web **out, const lab_web_config *config);

/* As lab_http_listen (http/server.h). */
int lab_web_listen(lab_web *web, const struct sockaddr *address, int *port,
                   lab_err *err);

/* Stops listening; profiles that wait for their time end early, with what they
 * have. The VM isn't used any more once this returns, except that requests it
 * still has must be answered (lab_vm_free does that). The loop ends by itself
 * when the last client has its answer. */
void lab_web_stop(lab_web *web);

/* After stop: closes the connections that are left. */
void lab_web_abort(lab_web *web);

/* After the loop has ended. Accepts NULL. */
void lab_web_free(lab_web *web);

#endif
