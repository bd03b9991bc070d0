/* SPDX-License-Identifier: MIT
 * See gperf_heap.h. It is for gperftools' script pprof. Its CPU profile is in
 * cpu_profile.c; symbol and cmdline are the same as under /debug/pprof. */
#include "web/gperf_heap.h"

#include "base/alloc.h"
#include "prof/gperf.h"
#include "web/slow.h"
#include "web/web_internal.h"

typedef struct gperf_heap {
  lab_slow slow;
  lab_buf out;
} gperf_heap;

static void write_gperf_heap(lab_slow *s) {
  lab_heap_snapshot *snapshot = lab_heap_take();
  lab_gperf_write_heap(snapshot, &((gperf_heap *)s)->out);
  lab_heap_snapshot_free(snapshot);
}

static void free_gperf_heap(lab_slow *s) {
  lab_buf_free(&((gperf_heap *)s)->out);
}

static void answer_gperf_heap(lab_slow *s) {
  lab_http_respond_buf(s->req, 200, LAB_WEB_TEXT, LAB_WEB_NOSNIFF,
                       &((gperf_heap *)s)->out);
  lab_slow_end(s);
}

void lab_web_gperf_heap(lab_web *web, lab_http_request *req) {
  gperf_heap *h = lab_xcalloc(1, sizeof *h);
  lab_slow_begin(&h->slow, web, req, free_gperf_heap);
  lab_slow_work(&h->slow, write_gperf_heap, answer_gperf_heap);
}
