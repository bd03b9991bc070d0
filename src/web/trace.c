/* SPDX-License-Identifier: MIT
 * See trace.h. A trace of F seconds (seconds=F) is sent while it is recorded.
 * There is one at a time, as in Go. With format=json it has the form of
 * Chrome's trace events.
 *
 *   waiting for the VM -> recording -> the rest -> tables -> end
 *
 * The loop only moves bytes; libuv's pool finds the names of frames and makes
 * JSON. If the client reads slowly, the recording has to wait, and may end
 * early (trace/trace.h). If the client goes away, the recording ends. */
#include "web/trace.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/log.h"
#include "inspect/trace_names.h"
#include "inspect/tracer.h"
#include "stack/stack.h"
#include "trace/json.h"
#include "trace/trace.h"
#include "web/keep.h"
#include "web/pack.h"
#include "web/pprof_answer.h"
#include "web/slow.h"
#include "web/web_internal.h"

enum {
  STEP_MS = 20,
  PENDING_MAX = 1 << 20, /* bytes that the kernel hasn't taken */
};

typedef struct trace {
  lab_slow slow;
  uint64_t ns;
  uint64_t until; /* mono ns, 0: it has not begun */
  bool sealed;
  lab_trace_json *json;  /* or NULL */
  lab_stack_hold stacks; /* which the trace names at its end */
  lab_keep keep;
  size_t len;     /* bytes of it so far */
  lab_buf raw;    /* on its way into JSON */
  lab_buf text;   /* JSON that is to be packed */
  lab_gzip *gzip; /* does that, until the end; or NULL */
  bool is_packed; /* the client takes it */
  lab_buf piece;  /* to be written next */
} trace;

static void advance_trace(lab_slow *s);

static trace *trace_of(lab_slow *s) {
  return LAB_CONTAINER(s, trace, slow);
}

static void end_recording(trace *t) {
  if (t->sealed)
    return;
  t->sealed = true;
  lab_keep_stop(&t->keep, t->slow.web);
  if (t->slow.web->stopping) /* the VM may be gone */
    lab_trace_seal("the trace ends early: the lab is stopping");
  else
    lab_tracer_end(t->slow.web->config.vm);
  if (lab_trace_fault()[0])
    lab_log("%s", lab_trace_fault());
}

static void end_trace_pack(trace *t) {
  if (t->gzip)
    lab_gzip_close(t->gzip);
  t->gzip = NULL;
}

static void free_trace(lab_slow *s) {
  trace *t = trace_of(s);
  end_recording(t);
  lab_trace_close();
  lab_trace_json_free(t->json);
  end_trace_pack(t);
  lab_stack_hold_end(&t->stacks);
  lab_buf_free(&t->raw);
  lab_buf_free(&t->text);
  lab_buf_free(&t->piece);
}

/* ---- on the pool --------------------------------------------------------- */

static lab_buf *choose_text(trace *t) {
  return t->gzip ? &t->text : &t->piece;
}

static void pack_text(trace *t) {
  if (!t->gzip)
    return;
  t->len += t->text.len;
  lab_gzip_write(t->gzip, t->text.data, t->text.len);
  lab_buf_clear(&t->text);
}

static void convert_events(lab_slow *s) {
  trace *t = trace_of(s);
  lab_trace_json_add(t->json, t->raw.data, t->raw.len, choose_text(t));
  lab_buf_clear(&t->raw);
  pack_text(t);
}

/* Writes what comes after the last event. */
static void write_trace_end(lab_slow *s) {
  trace *t = trace_of(s);
  if (t->json)
    lab_trace_json_end(t->json, choose_text(t));
  else
    lab_trace_tables(lab_trace_name, &t->piece);
  pack_text(t);
  end_trace_pack(t);
}

/* ---- on the loop --------------------------------------------------------- */

static void write_trace_piece(trace *t) {
  if (!t->is_packed)
    t->len += t->piece.len;
  lab_http_stream_write(t->slow.req, &t->piece);
}

static void send_trace_piece(lab_slow *s) {
  write_trace_piece(trace_of(s));
  advance_trace(s);
}

static void send_trace_end(lab_slow *s) {
  trace *t = trace_of(s);
  bool more = t->piece.len > 0 && !t->json;
  write_trace_piece(t);
  if (more) {
    advance_trace(s);
  } else {
    lab_http_stream_end(s->req);
    lab_keep_trace(&t->keep, s->web, t->len);
    lab_slow_end(s);
  }
}

static bool is_recording_over(trace *t) {
  uint64_t now = lab_clock_mono();
  if (t->until == 0 && lab_trace_started())
    t->until = now + t->ns;
  return (t->until && now >= t->until) || t->slow.web->stopping ||
         lab_trace_sealed();
}

/* How many milliseconds to wait for the next step. */
static uint64_t count_ms_to_wait(const trace *t) {
  uint64_t now = lab_clock_mono();
  if (t->sealed || t->until == 0 || t->until <= now)
    return 1;
  uint64_t left = (t->until - now) / LAB_MILLISECOND + 1;
  return left < STEP_MS ? left : STEP_MS;
}

/* Sends events. False: there are none, or the client isn't ready for them. */
static bool send_events(trace *t) {
  bool ready = lab_http_stream_pending(t->slow.req) < PENDING_MAX ||
               t->slow.web->stopping;
  if (!ready || !lab_trace_take(t->json ? &t->raw : &t->piece, true))
    return false;
  if (t->json)
    return true;
  do
    write_trace_piece(t);
  while (lab_http_stream_pending(t->slow.req) < PENDING_MAX &&
         lab_trace_take(&t->piece, true));
  return true;
}

/* Does the next step, whichever that is. */
static void advance_trace(lab_slow *s) {
  trace *t = trace_of(s);
  if (!t->sealed && is_recording_over(t))
    end_recording(t);
  bool moved = send_events(t);
  bool ready = lab_http_stream_pending(s->req) < PENDING_MAX;
  if (moved && t->json)
    lab_slow_work(s, convert_events, send_trace_piece);
  else if (t->sealed && !moved && (ready || s->web->stopping))
    lab_slow_work(s, write_trace_end, send_trace_end);
  else
    lab_slow_pause(s, count_ms_to_wait(t), advance_trace);
}

/* ---- the request --------------------------------------------------------- */

/* 1 if it is missing; 0 if it isn't a number above 0. */
static double read_trace_seconds(const lab_http_request *req) {
  char text[64], *end;
  int len = lab_http_form_get(req, "seconds", text, sizeof text);
  if (len == -ENOENT || len == 0)
    return 1;
  double seconds = len > 0 ? strtod(text, &end) : 0;
  return len > 0 && *end == '\0' && !isspace((unsigned char)*text) &&
                 seconds > 0
             ? seconds
             : 0;
}

static bool wants_chrome_json(const lab_http_request *req) {
  char text[8];
  return lab_http_form_get(req, "format", text, sizeof text) > 0 &&
         strcmp(text, "json") == 0;
}

static void refuse_second_trace(lab_http_request *req) {
  lab_web_pprof_error(req, 500,
                      "Could not enable tracing: runtime error: tracing is "
                      "already enabled");
}

/* The events themselves are sent as they are: to pack them would take time of
 * the loop's. */
static void begin_trace_answer(trace *t) {
#define FILE_HEADER(name)                                                      \
  "Content-Disposition: attachment; filename=\"" name "\"\r\n" LAB_WEB_NOSNIFF
  if (t->json)
    lab_http_stream_begin(t->slow.req, 200, "application/json",
                          t->is_packed ? FILE_HEADER("trace.json") LAB_PACK_IS
                                       : FILE_HEADER("trace.json")
                                             LAB_PACK_MAY);
  else
    lab_http_stream_begin(t->slow.req, 200, "application/octet-stream",
                          FILE_HEADER("trace"));
#undef FILE_HEADER
}

static void begin_trace(lab_web *web, lab_http_request *req, double seconds) {
  trace *t = lab_xcalloc(1, sizeof *t);
  lab_stack_hold_begin(&t->stacks);
  if (lab_tracer_begin(web->config.vm, web->config.trace_events)) {
    lab_stack_hold_end(&t->stacks);
    lab_xfree(t);
    refuse_second_trace(req);
    return;
  }
  bool json = wants_chrome_json(req);
  t->ns = (uint64_t)(seconds * 1e9);
  t->json = json ? lab_trace_json_new(lab_trace_name) : NULL;
  t->keep = lab_keep_begin(web, req);
  t->gzip = json ? lab_pack_begin(req, &t->piece) : NULL;
  t->is_packed = t->gzip != NULL;
  lab_slow_begin(&t->slow, web, req, free_trace);
  begin_trace_answer(t);
  advance_trace(&t->slow);
}

void lab_web_trace(lab_web *web, lab_http_request *req) {
  double seconds = read_trace_seconds(req);
  if (seconds <= 0)
    lab_web_pprof_error(
        req, 400, "invalid value for \"seconds\" - must be a positive number");
  else if (seconds > LAB_WEB_SECONDS_MAX)
    lab_web_pprof_error(req, 400, "\"seconds\" must be at most 600");
  else if (web->stopping)
    lab_web_pprof_error(req, 503, "the lab is stopping");
  else
    begin_trace(web, req, seconds);
}
