/* SPDX-License-Identifier: MIT
 * /lab/api/stream: what happens, as Server-Sent Events. Once a second the lab's
 * numbers are measured, once for all pages that look, and not at all while
 * nobody looks.
 *
 * Threads: the control thread. */
#ifndef LAB_PAGE_STREAM_H
#define LAB_PAGE_STREAM_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "base/buf.h"
#include "base/queue.h"
#include "http/request.h"
#include "loop/work.h"
#include "page/numbers.h"

/* Private to stream.c. */
typedef struct lab_streams {
  uv_loop_t *loop;
  lab_vm *vm;
  lab_web *web;
  lab_list all; /* by their link */
  unsigned count;
  uv_timer_t timer;
  lab_work work;
  bool is_measuring, is_stopped;
  lab_numbers numbers; /* that are being measured */
  uint64_t attempt;    /* at that moment, and at the one before: */
  uint64_t last_attempt;
  uint64_t noted; /* when the healthy step was measured last, lab_clock_mono */
  lab_baseline baseline;
  void (*each_second)(void *arg);
  void *arg;
} lab_streams;

/* EACH_SECOND(ARG) is called once a second while somebody looks: it may send
 * events. S must stay until the loop has ended. */
void lab_streams_start(lab_streams *s, uv_loop_t *loop, lab_vm *vm,
                       lab_web *web, void (*each_second)(void *arg), void *arg);
/* Ends all streams. */
void lab_streams_stop(lab_streams *s);

/* The handler. */
void lab_streams_open(lab_streams *s, lab_http_request *req);
/* Sends EVENT with the JSON in DATA, which may end with a newline, to all. */
void lab_streams_send(lab_streams *s, const char *event, const lab_buf *data);
/* Sends an event `mark`: something has happened now. */
void lab_streams_mark(lab_streams *s, const char *kind, const char *text);
/* The present step, which is healthy, is about to be left: measures it. */
void lab_streams_note_healthy(lab_streams *s);

#endif
