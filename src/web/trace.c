/* SPDX-License-Identifier: MIT
 * See trace.h. A trace of F seconds (seconds=F) is sent while it is recorded.
 * There is one at a time, as in Go. With format=json it has the form of
 * Chrome's trace events. A trace of the past (last=F) is made of what the
 * flight recorder has.
 *
 *   waiting for the VM -> recording -> the rest -> tables -> end
 *   asking the VM -> preparing -> playing, the same way
 *
 * The loop only moves bytes; libuv's pool finds the names of frames and makes
 * JSON. If the client reads slowly, the recording has to wait, and may end
 * early (trace/trace.h). If the client goes away, the recording ends. */
#include "web/trace.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/decimal.h"
#include "base/log.h"
#include "diagnosis/upload.h"
#include "inspect/flight.h"
#include "inspect/trace_names.h"
#include "inspect/trace_stacks.h"
#include "inspect/tracer.h"
#include "prof/attempt.h"
#include "stack/stack.h"
#include "trace/json.h"
#include "trace/trace.h"
#include "web/keep.h"
#include "web/pack.h"
#include "web/pprof_answer.h"
#include "web/recording.h"
#include "web/slow.h"
#include "web/web_internal.h"

enum {
  STEP_MS = 20,
  PATIENCE_MS = 5000,    /* with a VM that doesn't answer */
  PENDING_MAX = 1 << 20, /* bytes that the kernel hasn't taken */
};

/* What a trace of the past is made of. It may live longer than the request: the
 * client may be gone when the VM answers. */
typedef struct past {
  lab_flight_question question;
  bool answered;
  struct trace *waiting; /* NULL: the request is over */
  lab_trace_replay *replay;
  uint64_t ns; /* of which the trace is to tell */
  bool opened; /* the recording is its own */
  bool ended;  /* all records are played */
} past;

typedef struct trace {
  lab_slow slow;
  uint64_t ns;
  uint64_t until; /* mono ns, 0: it has not begun */
  bool sealed;
  past *past;            /* or NULL */
  lab_trace_json *json;  /* or NULL */
  lab_stack_hold stacks; /* which the trace names at its end */
  lab_keep keep;
  size_t len;     /* bytes of it so far */
  lab_buf file;   /* the trace itself so far, if it is to be kept */
  bool too_large; /* it isn't */
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
  if (t->past) {
    lab_trace_seal("the trace ends early: the lab is stopping");
    return;
  }
  if (t->slow.web->stopping) /* the VM may be gone */
    lab_trace_seal("the trace ends early: the lab is stopping");
  else
    lab_tracer_end(t->slow.web->config.vm);
  if (lab_trace_fault()[0])
    lab_log("%s", lab_trace_fault());
}

static void free_past_parts(past *p) {
  lab_trace_replay_free(p->replay);
  lab_flight_question_free(&p->question);
  lab_xfree(p);
}

static void close_past(past *p) {
  if (p->opened)
    lab_trace_close();
  p->waiting = NULL;
  if (p->answered)
    free_past_parts(p);
}

static void free_trace(lab_slow *s) {
  trace *t = trace_of(s);
  if (t->past) {
    close_past(t->past);
    lab_recording_end(s->web);
  } else {
    end_recording(t);
    lab_trace_close();
  }
  lab_buf_free(&t->file);
  lab_trace_json_free(t->json);
  lab_pack_end(&t->gzip);
  lab_stack_hold_end(&t->stacks);
  lab_buf_free(&t->raw);
  lab_buf_free(&t->text);
  lab_buf_free(&t->piece);
}

/* PIECE is of the trace that is a capture in the end. */
static void keep_piece(trace *t, const lab_buf *piece) {
  if (!t->keep.wanted || t->too_large)
    return;
  t->too_large = t->file.len + piece->len > LAB_UPLOAD_BYTES;
  if (t->too_large)
    lab_buf_free(&t->file);
  else
    lab_buf_append(&t->file, piece->data, piece->len);
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
  keep_piece(t, &t->raw);
  lab_trace_json_add(t->json, t->raw.data, t->raw.len, choose_text(t));
  lab_buf_clear(&t->raw);
  pack_text(t);
}

/* The end of the file that is kept, beside the JSON that is sent. */
static void keep_tables(trace *t) {
  lab_buf piece = LAB_BUF_INIT;
  while (t->keep.wanted && !t->too_large &&
         lab_trace_tables(lab_trace_name, &piece)) {
    keep_piece(t, &piece);
    lab_buf_clear(&piece);
  }
  lab_buf_free(&piece);
}

/* Writes what comes after the last event. */
static void write_trace_end(lab_slow *s) {
  trace *t = trace_of(s);
  if (t->json) {
    lab_trace_json_end(t->json, choose_text(t));
    keep_tables(t);
  } else {
    lab_trace_tables(lab_trace_name, &t->piece);
  }
  pack_text(t);
  lab_pack_end(&t->gzip);
}

static void prepare_past(lab_slow *s) {
  past *p = trace_of(s)->past;
  lab_trace_config config = {0};
  char remark[128] = "";
  p->replay = lab_trace_replay_new(&p->question.input, p->ns);
  uint64_t has = lab_trace_replay_ns(p->replay);
  if (has < p->ns)
    snprintf(remark, sizeof remark,
             "the flight recorder had only the last %.3f of these %.3f seconds",
             (double)has / 1e9, (double)p->ns / 1e9);
  lab_trace_configure(&config);
  p->opened = lab_trace_replay_open(p->replay, config, remark,
                                    lab_attempt_now().since) == 0;
}

static void play_past(lab_slow *s) {
  past *p = trace_of(s)->past;
  p->ended = !lab_trace_replay_step(p->replay);
}

/* ---- on the loop --------------------------------------------------------- */

static void write_trace_piece(trace *t) {
  if (!t->is_packed)
    t->len += t->piece.len;
  if (!t->json)
    keep_piece(t, &t->piece);
  lab_http_stream_write(t->slow.req, &t->piece);
}

static void send_trace_piece(lab_slow *s) {
  write_trace_piece(trace_of(s));
  advance_trace(s);
}

/* 0: it isn't of the past. */
static double count_past_seconds(const trace *t) {
  return t->past ? (double)lab_trace_replay_ns(t->past->replay) / 1e9 : 0;
}

static void send_trace_end(lab_slow *s) {
  trace *t = trace_of(s);
  bool more = t->piece.len > 0 && !t->json;
  write_trace_piece(t);
  if (more) {
    advance_trace(s);
  } else {
    lab_http_stream_end(s->req);
    lab_keep_trace(&t->keep, s->web, t->len, &t->file, count_past_seconds(t));
    lab_slow_end(s);
  }
}

static bool is_recording_over(trace *t) {
  if (t->past)
    return t->past->ended || t->slow.web->stopping;
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
  else if (t->past && !t->sealed && ready)
    lab_slow_work(s, play_past, advance_trace);
  else if (t->sealed && !moved && (ready || s->web->stopping))
    lab_slow_work(s, write_trace_end, send_trace_end);
  else
    lab_slow_pause(s, count_ms_to_wait(t), advance_trace);
}

/* ---- the request --------------------------------------------------------- */

/* 1 if it is missing; 0 if it isn't a number above 0. */
static double read_trace_seconds(const lab_http_request *req) {
  char text[64];
  double seconds = 0;
  int len = lab_http_form_get(req, "seconds", text, sizeof text);
  if (len == -ENOENT || len == 0)
    return 1;
  const char *end = len > 0 ? lab_decimal_read(text, &seconds) : NULL;
  return end && *end == '\0' ? seconds : 0;
}

/* "5s", "500ms", "5"; 0 if it is no time above 0. */
static double read_time_back(const char *text) {
  double number = 0;
  const char *unit = lab_decimal_read(text, &number);
  if (unit && strcmp(unit, "ms") == 0)
    return number / 1000;
  return unit && (*unit == '\0' || strcmp(unit, "s") == 0) ? number : 0;
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

static void begin_slow_trace(trace *t, lab_web *web, lab_http_request *req) {
  t->json = wants_chrome_json(req) ? lab_trace_json_new(lab_trace_name) : NULL;
  t->keep = lab_keep_begin(web, req);
  t->gzip = t->json ? lab_pack_begin(req, &t->piece) : NULL;
  t->is_packed = t->gzip != NULL;
  lab_slow_begin(&t->slow, web, req, free_trace);
}

/* The events themselves are sent as they are: to pack them would take time of
 * the loop's. HEADER: one more, or "". */
static void begin_trace_answer(trace *t, const char *header) {
  char headers[384];
  const char *pack = !t->json ? "" : t->is_packed ? LAB_PACK_IS : LAB_PACK_MAY;
  snprintf(headers, sizeof headers,
           "Content-Disposition: attachment; filename=\"trace%s\"\r\n%s%s%s",
           t->json ? ".json" : "", LAB_WEB_NOSNIFF, pack, header);
  lab_http_stream_begin(
      t->slow.req, 200,
      t->json ? "application/json" : "application/octet-stream", headers);
  advance_trace(&t->slow);
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
  t->ns = (uint64_t)(seconds * 1e9);
  begin_slow_trace(t, web, req);
  begin_trace_answer(t, "");
}

/* ---- a trace of the past ------------------------------------------------- */

static void on_past_answered(lab_call *call) {
  past *p = call->user;
  p->answered = true;
  if (p->waiting)
    lab_slow_wake(&p->waiting->slow);
  else
    free_past_parts(p);
}

static void answer_past(lab_slow *s) {
  trace *t = trace_of(s);
  char header[64];
  if (!t->past->opened) {
    refuse_second_trace(s->req);
    lab_slow_end(s);
    return;
  }
  snprintf(header, sizeof header, "Trace-Seconds: %.3f\r\n",
           (double)lab_trace_replay_ns(t->past->replay) / 1e9);
  begin_trace_answer(t, header);
}

static void continue_with_past(lab_slow *s) {
  const past *p = trace_of(s)->past;
  if (p->answered && p->question.taken) {
    lab_slow_work(s, prepare_past, answer_past);
    return;
  }
  lab_web_pprof_error(s->req, 503,
                      p->answered        ? p->question.why
                      : s->web->stopping ? "the lab is stopping"
                                         : "the VM is busy in C code and can't "
                                           "tell what tasks do; ask again");
  lab_slow_end(s);
}

static void begin_past_trace(lab_web *web, lab_http_request *req,
                             double seconds) {
  trace *t = lab_xcalloc(1, sizeof *t);
  past *p = lab_xcalloc(1, sizeof *p);
  t->past = p;
  p->waiting = t;
  p->ns = (uint64_t)(seconds * 1e9);
  p->question.call.answered = on_past_answered;
  p->question.call.user = p;
  lab_stack_hold_begin(&t->stacks);
  lab_flight_ask(web->config.vm, &p->question);
  begin_slow_trace(t, web, req);
  lab_slow_pause(&t->slow, PATIENCE_MS, continue_with_past);
}

static void serve_past_trace(lab_web *web, lab_http_request *req,
                             const char *last) {
  double seconds = read_time_back(last);
  char other[8];
  if (lab_http_form_get(req, "seconds", other, sizeof other) != -ENOENT)
    lab_web_pprof_error(req, 400,
                        "\"last\" and \"seconds\" are incompatible: the one is "
                        "the past, the other what comes");
  else if (seconds <= 0)
    lab_web_pprof_error(req, 400,
                        "invalid value for \"last\" - must be a time such as "
                        "5s or 500ms");
  else if (seconds > LAB_WEB_SECONDS_MAX)
    lab_web_pprof_error(req, 400, "\"last\" must be at most 600 seconds");
  else if (!lab_flight_on())
    lab_web_pprof_error(req, 409,
                        "the flight recorder is off: start the lab without "
                        "--flight 0");
  else if (web->stopping)
    lab_web_pprof_error(req, 503, "the lab is stopping");
  else if (lab_recording_begin(web, req))
    begin_past_trace(web, req, seconds);
}

void lab_web_trace(lab_web *web, lab_http_request *req) {
  char last[32];
  int given = lab_http_form_get(req, "last", last, sizeof last);
  if (given != -ENOENT) {
    serve_past_trace(web, req, given < 0 ? "" : last);
    return;
  }
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
