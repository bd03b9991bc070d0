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
 * Nothing here blocks: slow work (symbols, encoding) is done by libuv's pool,
 * and waiting is done by timers, so that every endpoint answers while a
 * scenario hangs.
 *
 * Threads: the control thread. */
#ifndef LAB_WEB_WEB_H
#define LAB_WEB_WEB_H

#include <stdbool.h>
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
  const char *const *argv; /* what /debug/pprof/cmdline shows; must stay */
  size_t argc;
  const char *version;      /* what /status shows; must stay */
  const char *const *hosts; /* further names for the Host header; must stay */
  size_t nhosts;
  bool check_host; /* as in http/guard.h */
  /* Pages that may read profiles and numbers: as lab_http_origins_add takes
   * them (http/origin.h). */
  const char *const *origins;
  size_t norigins;
  /* Requests that the VM may have at a time; one more is answered with 503. 0:
   * the default. */
  unsigned queue_max;
  uint64_t trace_events; /* most events of a trace; 0: the default */
  int hint_pause;    /* least seconds from one hint to the next; -1: no hints */
  const char *state; /* folder where the progress is kept; copied. NULL: it is
                        not kept */
} lab_web_config;

/* Copies CONFIG, but not what it points to. 0; or a negative errno, and ERR has
 * a sentence. */
int lab_web_new(lab_web **out, const lab_web_config *config, lab_err *err);

/* As lab_http_listen (http/server.h). */
int lab_web_listen(lab_web *web, const struct sockaddr *address, int *port,
                   lab_err *err);

/* Once a second: does again what couldn't be done. */
void lab_web_tick(lab_web *web);

/* Stops listening; profiles end early, with what they have. After this the VM
 * is not used any more, but it must answer the requests that it still has
 * (lab_vm_free does that). The loop ends by itself when the last client has its
 * answer. */
void lab_web_stop(lab_web *web);

/* After lab_web_stop: closes the connections that are left. */
void lab_web_abort(lab_web *web);

/* After the loop has ended. Accepts NULL. */
void lab_web_free(lab_web *web);

#endif
