/* SPDX-License-Identifier: MIT
 * /debug/pprof/trace?seconds=F: the execution trace, sent while it is recorded.
 * One at a time, as in Go.
 *
 *   waiting for the VM -> recording -> the rest -> tables -> end
 *
 * All but the tables happens on the loop, in small steps. A client that reads
 * slowly makes the recording wait, and in the end (trace/trace.h) end early;
 * one that goes away ends it. */
#include "trace/trace.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/log.h"
#include "web/handlers.h"

enum {
  STEP_MS = 20,
  PENDING_MAX = 1 << 20, /* bytes that the kernel hasn't taken */
};

typedef struct trace {
  lab_slow slow;
  uint64_t ns;
  uint64_t until; /* mono ns, 0: it has not begun */
  lab_buf piece;  /* of the tables */
} trace;

/* Not much waits for the client. */
static bool may_write(const trace *t) {
  return lab_http_stream_pending(t->slow.req) < PENDING_MAX;
}

static void end_recording(trace *t) {
  if (t->slow.web->stopping) /* the VM may be gone */
    lab_trace_seal("the trace ends early: the lab is stopping");
  else
    lab_vm_trace_end(t->slow.web->config.vm);
}

static void cleanup(lab_slow *s) {
  trace *t = (trace *)s;
  end_recording(t);
  lab_trace_close();
  lab_buf_free(&t->piece);
}

/* ---- tables -------------------------------------------------------------- */

static void write_tables(lab_slow *s);

static void make_tables(lab_slow *s) {
  lab_trace_tables(lab_vm_trace_name, &((trace *)s)->piece);
}

static void made_tables(lab_slow *s) {
  trace *t = (trace *)s;
  if (t->piece.len == 0) {
    lab_http_stream_end(s->req);
    lab_slow_end(s);
    return;
  }
  lab_http_stream_write(s->req, &t->piece);
  write_tables(s);
}

static void write_tables(lab_slow *s) {
  if (may_write((trace *)s) || s->web->stopping)
    lab_slow_work(s, make_tables, made_tables);
  else
    lab_slow_pause(s, STEP_MS, write_tables);
}

/* ---- events -------------------------------------------------------------- */

static void write_events(trace *t, bool all) {
  lab_buf piece = LAB_BUF_INIT;
  while ((all || may_write(t)) && lab_trace_take(&piece, true))
    lab_http_stream_write(t->slow.req, &piece);
}

static void finish(trace *t) {
  end_recording(t);
  if (lab_trace_fault()[0])
    lab_log("%s", lab_trace_fault());
  write_events(t, true);
  write_tables(&t->slow);
}

static void record(lab_slow *s) {
  trace *t = (trace *)s;
  uint64_t now = lab_clock_mono();
  if (t->until == 0 && lab_trace_started())
    t->until = now + t->ns;
  bool over = t->until && now >= t->until;
  if (over || s->web->stopping || lab_trace_sealed()) {
    finish(t);
    return;
  }
  write_events(t, false);
  uint64_t left = t->until ? (t->until - now) / LAB_MILLISECOND + 1 : 2;
  lab_slow_pause(s, left < STEP_MS ? left : STEP_MS, record);
}

/* ---- the request --------------------------------------------------------- */

/* As Go: what isn't a number above 0 is 1. */
static double seconds_of(const lab_http_request *req) {
  char text[64], *end;
  if (lab_http_form_get(req, "seconds", text, sizeof text) <= 0)
    return 1;
  double seconds = strtod(text, &end);
  return *end == '\0' && seconds > 0 ? seconds : 1;
}

static void begin(lab_web *web, lab_http_request *req, double seconds) {
  trace *t = lab_xcalloc(1, sizeof *t);
  t->ns = (uint64_t)(seconds * 1e9);
  lab_slow_begin(&t->slow, web, req, cleanup);
  lab_http_stream_begin(req, 200, "application/octet-stream",
                        "Content-Disposition: attachment; "
                        "filename=\"trace\"\r\n" LAB_WEB_NOSNIFF);
  record(&t->slow);
}

void lab_web_trace(lab_web *web, lab_http_request *req) {
  double seconds = seconds_of(req);
  if (seconds > LAB_WEB_SECONDS_MAX)
    lab_web_pprof_error(req, 400, "\"seconds\" must be at most 600");
  else if (web->stopping)
    lab_web_pprof_error(req, 503, "the lab is stopping");
  else if (lab_vm_trace_begin(web->config.vm, web->config.trace_events))
    lab_web_pprof_error(req, 500,
                        "Could not enable tracing: runtime error: tracing is "
                        "already enabled");
  else
    begin(web, req, seconds);
}
