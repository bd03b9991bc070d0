/* SPDX-License-Identifier: MIT
 * /pprof/heap for gperftools' pprof script. (The CPU profile: cpu.c; symbol and
 * cmdline are the same as under /debug/pprof.) */
#include "prof/gperf.h"

#include "base/alloc.h"
#include "web/handlers.h"

typedef struct heap {
  lab_slow slow;
  lab_buf out;
} heap;

static void run(lab_slow *s) {
  lab_heap_snapshot *snapshot = lab_heap_take();
  lab_gperf_write_heap(snapshot, &((heap *)s)->out);
  lab_heap_snapshot_free(snapshot);
}

static void cleanup(lab_slow *s) {
  lab_buf_free(&((heap *)s)->out);
}

static void answer(lab_slow *s) {
  lab_http_respond_buf(s->req, 200, LAB_WEB_TEXT, LAB_WEB_NOSNIFF,
                       &((heap *)s)->out);
  lab_slow_end(s);
}

void lab_web_gperf_heap(lab_web *web, lab_http_request *req) {
  heap *h = lab_xcalloc(1, sizeof *h);
  lab_slow_begin(&h->slow, web, req, cleanup);
  lab_slow_work(&h->slow, run, answer);
}
