/* SPDX-License-Identifier: MIT
 * See cpu_profile.h. Go allows one CPU profile at a time; here each request has
 * a session of its own. */
#include "web/cpu_profile.h"

#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "prof/cpu.h"
#include "prof/gperf.h"
#include "web/collapsed.h"
#include "web/keep.h"
#include "web/pprof_answer.h"
#include "web/recording.h"
#include "web/sampling.h"
#include "web/slow.h"

typedef struct cpu_profile {
  lab_slow slow;
  lab_cpu_session *session;
  lab_keep keep;
  lab_timing timing;
  lab_collapsed collapsed;
  lab_buf out;
  int rc;
} cpu_profile;

static void free_cpu_profile(lab_slow *s) {
  cpu_profile *p = (cpu_profile *)s;
  lab_cpu_free(p->session);
  lab_recording_end(s->web);
  lab_collapsed_free(&p->collapsed);
  lab_buf_free(&p->out);
}

static void end_cpu_session(cpu_profile *p) {
  lab_timing_end(&p->timing, LAB_TIMING_QUEUE);
  lab_cpu_stop(p->session);
  lab_timing_end(&p->timing, LAB_TIMING_COLLECT);
}

static void write_cpu_profile(lab_slow *s) {
  cpu_profile *p = (cpu_profile *)s;
  end_cpu_session(p);
  p->rc = lab_cpu_write(p->session, &p->out);
  if (p->rc == 0)
    lab_collapsed_make(&p->collapsed, s->req, p->out.data, p->out.len);
  lab_timing_end(&p->timing, LAB_TIMING_ENCODE);
}

static void answer_cpu_profile(lab_slow *s) {
  cpu_profile *p = (cpu_profile *)s;
  if (p->rc) {
    lab_web_pprof_error(s->req, 500, strerror(-p->rc));
  } else {
    lab_blob *file = lab_keep_recording(&p->keep, s->web, "cpu", &p->out);
    if (p->collapsed.wanted)
      lab_collapsed_answer(&p->collapsed, s->req);
    else
      lab_web_pprof_file(s->req, "profile", "", &p->timing, file);
    lab_blob_unref(file);
  }
  lab_slow_end(s);
}

static void end_cpu_recording(lab_slow *s) {
  cpu_profile *p = (cpu_profile *)s;
  lab_timing_end(&p->timing, LAB_TIMING_RECORD);
  lab_keep_stop(&p->keep, s->web);
}

static void finish_cpu_profile(lab_slow *s) {
  end_cpu_recording(s);
  lab_slow_work(s, write_cpu_profile, answer_cpu_profile);
}

/* ---- gperftools' --------------------------------------------------------- */

static void write_gperf_cpu(lab_slow *s) {
  cpu_profile *p = (cpu_profile *)s;
  end_cpu_session(p);
  lab_gperf_write_cpu(p->session, &p->out);
  lab_timing_end(&p->timing, LAB_TIMING_ENCODE);
}

static void write_kept_cpu(lab_slow *s) {
  cpu_profile *p = (cpu_profile *)s;
  p->rc = lab_cpu_write(p->session, &p->out);
}

static void keep_gperf_cpu(lab_slow *s) {
  cpu_profile *p = (cpu_profile *)s;
  if (p->rc == 0)
    lab_blob_unref(lab_keep_recording(&p->keep, s->web, "cpu", &p->out));
  lab_slow_end(s);
}

/* What is kept is the same session as profile.proto: it is written when the
 * client has its answer. */
static void answer_gperf_cpu(lab_slow *s) {
  cpu_profile *p = (cpu_profile *)s;
  lab_blob *file = lab_blob_take(&p->out);
  lab_web_pprof_file(s->req, "profile", "", &p->timing, file);
  lab_blob_unref(file);
  lab_keep_later(&p->keep, s, write_kept_cpu, keep_gperf_cpu);
}

static void finish_gperf_cpu(lab_slow *s) {
  end_cpu_recording(s);
  lab_slow_work(s, write_gperf_cpu, answer_gperf_cpu);
}

static void begin_cpu_profile(lab_web *web, lab_http_request *req, bool gperf,
                              int hz, int64_t seconds,
                              const lab_collapsed *collapsed) {
  lab_cpu_session *session;
  lab_err err;
  if (!lab_recording_begin(web, req))
    return;
  if (lab_cpu_start(&session, hz, &err)) {
    lab_recording_end(web);
    char text[sizeof err.text + 64];
    snprintf(text, sizeof text, "Could not enable CPU profiling: %s", err.text);
    lab_web_pprof_error(req, 500, text);
    return;
  }
  cpu_profile *p = lab_xcalloc(1, sizeof *p);
  p->session = session;
  lab_timing_begin(&p->timing);
  p->collapsed = *collapsed;
  p->keep = lab_keep_begin_recording(web, req);
  lab_slow_begin(&p->slow, web, req, free_cpu_profile);
  lab_slow_pause(&p->slow, (uint64_t)seconds * 1000,
                 gperf ? finish_gperf_cpu : finish_cpu_profile);
}

static void serve_cpu_profile(lab_web *web, lab_http_request *req, bool gperf) {
  lab_collapsed collapsed = {0};
  int64_t seconds;
  int hz;
  if (lab_web_read_sampling(req, &hz, &seconds) &&
      (gperf || lab_collapsed_read(req, &collapsed)))
    begin_cpu_profile(web, req, gperf, hz, seconds, &collapsed);
}

void lab_web_cpu_profile(lab_web *web, lab_http_request *req) {
  serve_cpu_profile(web, req, false);
}

void lab_web_gperf_profile(lab_web *web, lab_http_request *req) {
  serve_cpu_profile(web, req, true);
}
