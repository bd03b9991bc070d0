/* SPDX-License-Identifier: MIT
 * The running program: what lab.c starts, and signals.c takes down again. */
#ifndef LAB_APP_APP_H
#define LAB_APP_APP_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "app/listen.h"
#include "diaglab/diaglab.h"
#include "script/script.h"
#include "web/web.h"

enum { LAB_APP_SIGNALS = 4 };

struct lab_app {
  lab_config config;
  const char **hosts; /* config's, then own_host */
  char own_host[LAB_LISTEN_NAME];
  int port;
  uv_loop_t loop;
  uv_async_t answers; /* the VM has some */
  uv_async_t stop;    /* lab_stop was called */
  uv_check_t round;   /* once per turn of the loop: the VM may have to wake */
  uv_signal_t signals[LAB_APP_SIGNALS];
  uv_timer_t second; /* scavenger.c */
  uv_work_t scavenge;
  bool scavenging;
  uv_timer_t deadline; /* of the shutdown */
  uint64_t stop_began; /* mono ns */
  lab_vm *vm;
  lab_web *web;
  bool stopping;
};

/* signals.c: TERM, INT, HUP and QUIT stop the program. */
void lab_app_watch_signals(lab_app *app);
/* Begins to take everything down, once; the loop ends by itself then. */
void lab_app_stop(lab_app *app);

/* scavenger.c: looks once a second for idle memory to give back. */
void lab_app_start_scavenger(lab_app *app);

#endif
