/* SPDX-License-Identifier: MIT
 * /debug/pprof/profile?seconds=S&hz=R: the CPU profile, and in gperftools' form
 * /pprof/profile. Go allows one at a time; here each request has a session of
 * its own. */
#include "prof/cpu.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "prof/gperf.h"
#include "web/handlers.h"

typedef struct profile {
  lab_slow slow;
  lab_cpu_session *session;
  bool gperf; /* the form: gperftools' instead of profile.proto */
  lab_buf out;
  int rc;
} profile;

static void cleanup(lab_slow *s) {
  profile *p = (profile *)s;
  lab_cpu_free(p->session);
  lab_buf_free(&p->out);
}

static void stop_and_write(lab_slow *s) {
  profile *p = (profile *)s;
  lab_cpu_stop(p->session);
  if (p->gperf)
    lab_gperf_write_cpu(p->session, &p->out);
  else
    p->rc = lab_cpu_write(p->session, &p->out);
}

static void answer(lab_slow *s) {
  profile *p = (profile *)s;
  if (p->rc)
    lab_web_pprof_error(s->req, 500, strerror(-p->rc));
  else
    lab_web_pprof_file(s->req, "profile", "", &p->out);
  lab_slow_end(s);
}

static void time_is_up(lab_slow *s) {
  lab_slow_work(s, stop_and_write, answer);
}

/* The rate asked for, or 0 if it makes no sense. */
static int rate(const lab_http_request *req) {
  char text[16];
  int64_t hz;
  int len = lab_http_form_get(req, "hz", text, sizeof text);
  if (len == -ENOENT || len == 0)
    return LAB_CPU_HZ_DEFAULT;
  if (len < 0 || lab_web_atoi(text, &hz) || hz < 1 || hz > LAB_CPU_HZ_MAX)
    return 0;
  return (int)hz;
}

static void begin(lab_web *web, lab_http_request *req, bool gperf, int hz,
                  int64_t seconds) {
  lab_cpu_session *session;
  lab_err err;
  if (lab_cpu_start(&session, hz, &err)) {
    char text[sizeof err.text + 64];
    snprintf(text, sizeof text, "Could not enable CPU profiling: %s", err.text);
    lab_web_pprof_error(req, 500, text);
    return;
  }
  profile *p = lab_xcalloc(1, sizeof *p);
  p->session = session;
  p->gperf = gperf;
  lab_slow_begin(&p->slow, web, req, cleanup);
  lab_slow_pause(&p->slow, (uint64_t)seconds * 1000, time_is_up);
}

bool lab_web_sampling(lab_http_request *req, int *hz, int64_t *seconds) {
  *seconds = lab_web_number(req, "seconds");
  *hz = rate(req);
  if (*seconds <= 0)
    *seconds = LAB_WEB_SECONDS_PROFILE;
  if (*hz > 0 && *seconds <= LAB_WEB_SECONDS_MAX)
    return true;
  lab_web_pprof_error(
      req, 400,
      *hz > 0 ? "\"seconds\" must be at most 600"
              : "invalid value for \"hz\" - must be an integer from 1 to 2000");
  return false;
}

static void profile_in(lab_web *web, lab_http_request *req, bool gperf) {
  int64_t seconds;
  int hz;
  if (lab_web_sampling(req, &hz, &seconds))
    begin(web, req, gperf, hz, seconds);
}

void lab_web_cpu_profile(lab_web *web, lab_http_request *req) {
  profile_in(web, req, false);
}

void lab_web_gperf_profile(lab_web *web, lab_http_request *req) {
  profile_in(web, req, true);
}
