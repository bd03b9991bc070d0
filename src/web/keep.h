/* SPDX-License-Identifier: MIT
 * Keeping what is answered to a student, as evidence for an answer
 * (diagnosis/captures.h). What a scraper asks for is not kept, nor what the
 * lab's own commands do; they are known by their User-Agent. Nor is what a page
 * of another site asks for, unless that may read (cors.h).
 *
 *   p->keep = lab_keep_begin(web, req);                the request has come
 *   ... the profile is recorded and written into p->out ...
 *   file = lab_keep_recording(&p->keep, web, "cpu", &p->out);
 *   ... FILE is answered: the bytes are in memory once ...
 *   lab_blob_unref(file);
 *
 * A text is kept as what it was made from: the handler answers it first, and
 * then writes the same snapshot as profile.proto. Whoever asks for what was
 * kept meanwhile waits for that (lab_keep_wait).
 *
 * Threads: the control thread. */
#ifndef LAB_WEB_KEEP_H
#define LAB_WEB_KEEP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/blob.h"
#include "http/request.h"
#include "web/activity.h"
#include "web/slow.h"
#include "web/web.h"

typedef struct lab_keep_step {
  int number;
  char slug[LAB_CAPTURE_SLUG];
} lab_keep_step;

typedef struct lab_keep {
  bool wanted;
  bool stopped; /* the time that it tells of is over */
  lab_activity_mark from, to;
  uint64_t at;  /* ns since 1970: when it was stopped */
  bool records; /* something in the meantime */
  /* lab_process_waited at the beginning; then the time since that. The kernel
   * tells only the sum since each thread began, so it takes two reads. */
  int64_t waited;
  lab_keep_step begun, ended; /* the step at the beginning, and at the end */
} lab_keep;

/* REQ asks for a profile now. */
lab_keep lab_keep_begin(lab_web *web, const lab_http_request *req);
/* The same, of what is recorded for some time: the lab notes how long its
 * threads have waited for a processor then. */
lab_keep lab_keep_begin_recording(lab_web *web, const lab_http_request *req);
/* The recording ends now, or the snapshot was taken now, though its bytes come
 * later. */
void lab_keep_stop(lab_keep *k, lab_web *web);

/* Each takes BYTES; the result is the caller's. KIND: as of a capture.
 * Recording: what happened since begin; if a step was entered meanwhile, it is
 * of the visit before, so evidence for nothing, as nobody can tell apart what
 * is of which. Delta: the same, of a profile that adds up. Total: what there
 * is, and what has added up in this attempt. */
lab_blob *lab_keep_recording(lab_keep *k, lab_web *web, const char *kind,
                             lab_buf *bytes);
lab_blob *lab_keep_delta(lab_keep *k, lab_web *web, const char *kind,
                         lab_buf *bytes);
lab_blob *lab_keep_total(lab_keep *k, lab_web *web, const char *kind,
                         lab_buf *bytes);

/* The client of S has its text. If it is to be kept, calls WRITE on the pool,
 * then KEEP on the loop, which ends S; else S ends. */
void lab_keep_later(const lab_keep *k, lab_slow *s, void (*write)(lab_slow *s),
                    void (*keep)(lab_slow *s));
/* Calls NEXT when all that was answered so far is kept, but after 2 seconds at
 * most. S may be gone on return. */
void lab_keep_wait(lab_slow *s, void (*next)(lab_slow *s));

/* A trace of LEN bytes was sent. FILE: it, in the format "go 1.19 trace",
 * which is taken; empty, if it was too large to be kept: then it is only
 * listed. PAST: it tells of so many seconds before K began; 0: of those since
 * then. */
void lab_keep_trace(lab_keep *k, lab_web *web, size_t len, lab_buf *file,
                    double past);
/* C tells of its seconds up to C->at, or, if it has none, of what had added up
 * by then; 0: up to now. Fills in what requests there were. */
void lab_keep_fill_past(lab_web *web, lab_capture *c);

#endif
