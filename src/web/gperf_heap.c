/* SPDX-License-Identifier: MIT
 * See gperf_heap.h. It is for gperftools' script pprof. Its CPU profile is in
 * cpu_profile.c; symbol and cmdline are the same as under /debug/pprof. */
#include "web/gperf_heap.h"

#include "base/alloc.h"
#include "prof/gperf.h"
#include "prof/heap_write.h"
#include "web/keep.h"
#include "web/pack.h"
#include "web/pprof_answer.h"
#include "web/slow.h"
#include "web/web_internal.h"

typedef struct gperf_heap {
  lab_slow slow;
  lab_heap_snapshot *snapshot;
  lab_buf out;
  int rc;
  lab_keep keep;
  lab_timing timing;
  lab_buf packed;
  bool is_packed;
} gperf_heap;

static void write_gperf_heap(lab_slow *s) {
  gperf_heap *h = (gperf_heap *)s;
  lab_timing_end(&h->timing, LAB_TIMING_QUEUE);
  h->snapshot = lab_heap_take();
  lab_timing_end(&h->timing, LAB_TIMING_COLLECT);
  lab_gperf_write_heap(h->snapshot, &h->out);
  h->is_packed = lab_pack_text(s->req, &h->out, &h->packed);
  lab_timing_end(&h->timing, LAB_TIMING_ENCODE);
}

static void free_gperf_heap(lab_slow *s) {
  gperf_heap *h = (gperf_heap *)s;
  if (h->snapshot)
    lab_heap_snapshot_free(h->snapshot);
  lab_buf_free(&h->out);
  lab_buf_free(&h->packed);
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
  lab_web_pprof_text(s->req, h->is_packed, &h->timing,
                     h->is_packed ? &h->packed : &h->out);
  lab_buf_clear(&h->out);
  lab_keep_later(&h->keep, s, write_kept_heap, keep_gperf_heap);
}

void lab_web_gperf_heap(lab_web *web, lab_http_request *req) {
  gperf_heap *h = lab_xcalloc(1, sizeof *h);
  h->keep = lab_keep_begin(web, req);
  lab_timing_begin(&h->timing);
  lab_slow_begin(&h->slow, web, req, free_gperf_heap);
  lab_slow_work(&h->slow, write_gperf_heap, answer_gperf_heap);
}
