/* SPDX-License-Identifier: MIT
 * /steps and /hint: the list of steps, and their hints. */
#ifndef LAB_WEB_STEPS_H
#define LAB_WEB_STEPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/queue.h"
#include "http/request.h"
#include "web/web.h"

/* To read scenarios takes a thread of libuv's pool for a while, and other
 * answers need the pool, too. So of each kind of question one is answered at a
 * time, and the others wait: they will find what the first one has read. */
typedef struct lab_steps_lane {
  lab_list waiting;
  bool busy;
} lab_steps_lane;

/* Which hints of one step were told. */
typedef struct lab_hints_told {
  int step;
  int last;       /* the highest number, 0: none */
  uint64_t since; /* when that was told first, mono ns */
} lab_hints_told;

/* When the server begins, and when it stops: those that wait are refused, and
 * reading ends. */
void lab_web_start_steps(lab_web *web);
void lab_web_stop_steps(lab_web *web);

/* The handler of /steps. */
void lab_web_steps(lab_web *web, lab_http_request *req);
/* The handler of /hint. A hint that was told once can be read again; the next
 * one comes some time after it (lab_web_config.hint_pause), so that it is
 * tried. */
void lab_web_hint(lab_web *web, lab_http_request *req);

#endif
