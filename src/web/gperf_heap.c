/* SPDX-License-Identifier: MIT
 * See gperf_heap.h. It is for gperftools' script pprof. Its CPU profile is in
 * cpu_profile.c; symbol and cmdline are the same as under /debug/pprof. */
#include "web/gperf_heap.h"

#include "base/alloc.h"
#include "prof/gperf.h"
#include "prof/heap_write.h"
#include "web/keep.h"
#include "web/slow.h"
#include "web/web_internal.h"

typedef struct gperf_heap {
  lab_slow slow;
  lab_heap_snapshot *snapshot;
  lab_buf out;
  int rc;
  lab_keep keep;
} gperf_heap;

static void write_gperf_heap(lab_slow *s) {
  gperf_heap *h = (gperf_heap *)s;
  h->snapshot = lab_heap_take();
  lab_gperf_write_heap(h->snapshot, &h->out);
}

static void free_gperf_heap(lab_slow *s) {
  gperf_heap *h = (gperf_heap *)s;
  if (h->snapshot)
    lab_heap_snapshot_free(h->snapshot);
  lab_buf_free(&h->out);
}

static void write_kept_heap(lab_slow *s) {
  gperf_heap *h = (gperf_heap *)s;
  h->rc = lab_heap_write(h->snapshot, NULL, NULL, &h->out);
}

static void keep_gperf_heap(lab_slow *s) {
  gperf_heap *h = (gperf_heap *)s;
  if (h->rc == 0)
    lab_blob_unref(lab_keep_total(&h->keep, s->web, "heap", &h->out));
  lab_slow_end(s);
}

static void answer_gperf_heap(lab_slow *s) {
  gperf_heap *h = (gperf_heap *)s;
  lab_keep_stop(&h->keep, s->web);
  lab_http_respond_buf(s->req, 200, LAB_WEB_TEXT, LAB_WEB_NOSNIFF, &h->out);
  lab_keep_later(&h->keep, s, write_kept_heap, keep_gperf_heap);
}

void lab_web_gperf_heap(lab_web *web, lab_http_request *req) {
  gperf_heap *h = lab_xcalloc(1, sizeof *h);
  h->keep = lab_keep_begin(web, req);
  lab_slow_begin(&h->slow, web, req, free_gperf_heap);
  lab_slow_work(&h->slow, write_gperf_heap, answer_gperf_heap);
}
