/* SPDX-License-Identifier: MIT
 * See stream.h. A part of the numbers is read on libuv's pool. A client that
 * doesn't take its events gets no more of them until it has. */
#include "page/stream.h"

#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/log_tail.h"
#include "http/http.h"
#include "prof/attempt.h"
#include "scenario/shown.h"

enum {
  STREAMS_MOST = 1000,
  PENDING_MOST = 64 << 10, /* bytes that a client has not taken */
  LOG_BYTES = 900,         /* of an event's JSON */
  SECOND_MS = 1000,
};

typedef struct stream {
  lab_list link;
  lab_streams *all;
  lab_http_request *req;
} stream;

/* ---- sending ------------------------------------------------------------- */

static void append_event(lab_buf *out, const char *event, const lab_buf *data) {
  size_t len = data->len;
  while (len > 0 && data->data[len - 1] == '\n')
    len--;
  lab_buf_printf(out, "event: %s\ndata: %.*s\n\n", event, (int)len, data->data);
}

/* The stream may be gone on return. */
static void send_to_stream(lab_list *link, void *arg) {
  stream *one = LAB_CONTAINER(link, stream, link);
  const lab_buf *text = arg;
  lab_buf copy = LAB_BUF_INIT;
  if (lab_http_stream_pending(one->req) > PENDING_MOST)
    return;
  lab_buf_append(&copy, text->data, text->len);
  lab_http_stream_write(one->req, &copy);
}

void lab_streams_send(lab_streams *s, const char *event, const lab_buf *data) {
  lab_buf text = LAB_BUF_INIT;
  append_event(&text, event, data);
  lab_list_visit_each(&s->all, send_to_stream, &text);
  lab_buf_free(&text);
}

void lab_streams_mark(lab_streams *s, const char *kind, const char *text) {
  lab_buf data = LAB_BUF_INIT;
  lab_json j;
  if (s->count == 0)
    return;
  lab_json_start(&j, &data);
  lab_json_begin_object(&j, LAB_JSON_COMPACT);
  lab_json_key(&j, "at");
  lab_json_decimal(&j, lab_clock_real() / LAB_MILLISECOND, 3);
  lab_json_key(&j, "kind");
  lab_json_text(&j, kind);
  lab_json_key(&j, "text");
  lab_json_text(&j, text);
  lab_json_end(&j);
  lab_json_finish(&j);
  lab_streams_send(s, "mark", &data);
  lab_buf_free(&data);
}

/* ---- the log ------------------------------------------------------------- */

/* Where the newest of the LINES begin that fit into an event. */
static size_t find_newest_lines(const lab_buf *lines) {
  size_t at = lines->len, bytes = 0;
  lab_buf quoted = LAB_BUF_INIT;
  while (at > 0) {
    size_t begin = at - 1;
    while (begin > 0 && lines->data[begin - 1] != '\n')
      begin--;
    lab_buf_clear(&quoted);
    lab_buf_json_string(&quoted, lines->data + begin, at - 1 - begin);
    bytes += quoted.len + 1;
    if (bytes > LOG_BYTES)
      break;
    at = begin;
  }
  lab_buf_free(&quoted);
  return at;
}

static void write_log_event(const lab_buf *lines, size_t at, uint64_t left_out,
                            lab_buf *out) {
  lab_json j;
  for (size_t i = 0; i < at; i++)
    left_out += lines->data[i] == '\n';
  lab_json_start(&j, out);
  lab_json_begin_object(&j, LAB_JSON_COMPACT);
  lab_json_key(&j, "lines");
  lab_json_begin_array(&j, LAB_JSON_COMPACT);
  while (at < lines->len) {
    const char *line = lines->data + at;
    size_t len = (size_t)((char *)memchr(line, '\n', lines->len - at) - line);
    lab_json_string(&j, line, len);
    at += len + 1;
  }
  lab_json_end(&j);
  lab_json_key(&j, "dropped");
  lab_json_uint(&j, left_out);
  lab_json_end(&j);
  lab_json_finish(&j);
}

static void send_log(lab_streams *s) {
  lab_buf lines = LAB_BUF_INIT, data = LAB_BUF_INIT;
  uint64_t left_out;
  lab_log_tail_take(&lines, &left_out);
  if (lines.len > 0 || left_out > 0) {
    write_log_event(&lines, find_newest_lines(&lines), left_out, &data);
    lab_streams_send(s, "log", &data);
  }
  lab_buf_free(&lines);
  lab_buf_free(&data);
}

/* ---- measuring ----------------------------------------------------------- */

static void measure_on_pool(lab_work *work) {
  lab_numbers_complete(&LAB_CONTAINER(work, lab_streams, work)->numbers);
}

static void send_numbers(lab_streams *s) {
  lab_buf data = LAB_BUF_INIT;
  lab_json j;
  lab_json_start(&j, &data);
  lab_numbers_write(&s->numbers, &j);
  lab_json_finish(&j);
  lab_streams_send(s, "now", &data);
  lab_buf_free(&data);
}

static void on_measured(lab_work *work) {
  lab_streams *s = LAB_CONTAINER(work, lab_streams, work);
  s->is_measuring = false;
  if (s->is_stopped)
    return;
  /* Numbers of which one half is of another visit are no baseline. */
  if (s->numbers.step == 0 && s->attempt == lab_attempt_now().id)
    lab_baseline_add(&s->baseline, &s->numbers, s->attempt == s->last_attempt);
  s->last_attempt = s->attempt;
  if (s->count > 0)
    send_numbers(s);
}

static void begin_measuring(lab_streams *s) {
  if (s->is_measuring || s->is_stopped)
    return;
  s->is_measuring = true;
  s->attempt = lab_attempt_now().id;
  lab_numbers_begin(&s->numbers, s->vm, s->web);
  lab_work_begin(&s->work, s->loop, LAB_TURN_SOON, measure_on_pool,
                 on_measured);
}

static void on_stream_second(uv_timer_t *timer) {
  lab_streams *s = LAB_CONTAINER(timer, lab_streams, timer);
  begin_measuring(s);
  send_log(s);
  s->each_second(s->arg);
}

/* Here and not on the pool: the switch doesn't wait for the pool. It counts the
 * process's descriptors, which may be many; so a crowd of switches has one look
 * in a second. */
void lab_streams_note_healthy(lab_streams *s) {
  lab_numbers now;
  uint64_t at = lab_clock_mono();
  if (s->noted && at - s->noted < LAB_SECOND)
    return;
  s->noted = at;
  uint64_t attempt = lab_attempt_now().id;
  lab_numbers_begin(&now, s->vm, s->web);
  lab_numbers_complete(&now);
  lab_baseline_add(&s->baseline, &now, attempt == s->last_attempt);
  s->last_attempt = attempt;
}

/* ---- one stream ---------------------------------------------------------- */

static void drop_stream(stream *one) {
  lab_streams *s = one->all;
  lab_list_remove(&one->link);
  lab_xfree(one);
  if (--s->count > 0 || s->is_stopped)
    return;
  uv_timer_stop(&s->timer);
  lab_log_tail_watch(false);
}

static void on_stream_client_gone(lab_http_request *req, void *arg) {
  (void)req;
  drop_stream(arg);
}

static void end_stream(lab_list *link, void *arg) {
  stream *one = LAB_CONTAINER(link, stream, link);
  lab_http_request *req = one->req;
  (void)arg;
  drop_stream(one);
  lab_http_on_gone(req, NULL, NULL);
  lab_http_stream_end(req);
}

static void write_hello(lab_streams *s, lab_buf *out) {
  lab_json j;
  lab_shown_step step;
  lab_entry entry;
  char attempt[LAB_ATTEMPT_TEXT];
  lab_shown_read(s->vm, &step, &entry);
  lab_attempt_text(lab_attempt_now().id, attempt);
  lab_json_start(&j, out);
  lab_json_begin_object(&j, LAB_JSON_COMPACT);
  lab_json_key(&j, "format");
  lab_json_text(&j, "diaglab-stream/1");
  lab_json_key(&j, "step");
  lab_json_int(&j, step.number);
  lab_json_key(&j, "slug");
  lab_json_text(&j, step.slug);
  lab_json_key(&j, "params");
  lab_json_raw(&j, step.params.data, step.params.len);
  lab_json_key(&j, "attempt");
  lab_json_text(&j, attempt);
  lab_json_key(&j, "since");
  lab_json_decimal(&j, step.since / LAB_MILLISECOND, 3);
  lab_json_key(&j, "baseline");
  lab_baseline_write(&s->baseline, &j);
  lab_json_end(&j);
  lab_json_finish(&j);
  lab_shown_give_back(&step, &entry);
}

static void begin_stream(lab_streams *s, lab_http_request *req) {
  stream *one = lab_xcalloc(1, sizeof *one);
  lab_buf hello = LAB_BUF_INIT, text = LAB_BUF_INIT;
  one->all = s;
  one->req = req;
  lab_list_push_back(&s->all, &one->link);
  if (s->count++ == 0) {
    lab_log_tail_watch(true);
    uv_timer_start(&s->timer, on_stream_second, 0, SECOND_MS);
  }
  write_hello(s, &hello);
  lab_buf_puts(&text, "retry: 2000\n");
  append_event(&text, "hello", &hello);
  lab_buf_free(&hello);
  lab_http_on_gone(req, on_stream_client_gone, one);
  lab_http_stream_write(req, &text);
}

void lab_streams_open(lab_streams *s, lab_http_request *req) {
  bool is_head = lab_http_is_head(req);
  if (!is_head && s->count >= STREAMS_MOST) {
    lab_http_error(req, 503, "there are too many pages open");
    return;
  }
  lab_http_stream_begin(req, 200, "text/event-stream; charset=utf-8",
                        "Cache-Control: no-store\r\n"
                        "X-Content-Type-Options: nosniff\r\n");
  if (is_head)
    lab_http_stream_end(req);
  else
    begin_stream(s, req);
}

/* ---- all of them --------------------------------------------------------- */

void lab_streams_start(lab_streams *s, uv_loop_t *loop, lab_vm *vm,
                       lab_web *web, void (*each_second)(void *arg),
                       void *arg) {
  s->loop = loop;
  s->vm = vm;
  s->web = web;
  s->each_second = each_second;
  s->arg = arg;
  lab_list_init(&s->all);
  uv_timer_init(loop, &s->timer);
}

void lab_streams_stop(lab_streams *s) {
  s->is_stopped = true;
  uv_close((uv_handle_t *)&s->timer, NULL);
  lab_list_visit_each(&s->all, end_stream, NULL);
  lab_log_tail_watch(false);
}
