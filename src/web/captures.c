/* SPDX-License-Identifier: MIT
 * See captures.h. A file that is sent is read on libuv's pool. */
#include "web/captures.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/utf8.h"
#include "diagnosis/upload.h"
#include "prof/attempt.h"
#include "scenario/shown.h"
#include "web/collapsed.h"
#include "web/first_numbers.h"
#include "web/format.h"
#include "web/keep.h"
#include "web/page.h"
#include "web/slow.h"
#include "web/web_internal.h"

static const char PATH[] = "/lab/captures";

/* ---- the list ------------------------------------------------------------ */

static const char *name_origin(const lab_capture *c) {
  return c->is_sent ? "sent" : "answered";
}

/* MARK: 'c' is a capture, 'b' are the numbers of the beginning. */
static void add_capture_json(lab_json *j, char mark, const lab_capture *c) {
  char text[32];
  lab_json_begin_object(j, LAB_JSON_SPACED);
  snprintf(text, sizeof text, "%c%u", mark, c->id);
  lab_json_key(j, "id");
  lab_json_text(j, text);
  lab_json_key(j, "kind");
  lab_json_text(j, c->kind);
  lab_json_key(j, "step");
  lab_json_int(j, c->step);
  lab_json_key(j, "slug");
  lab_json_text(j, c->slug);
  lab_json_key(j, "attempt");
  lab_attempt_text(c->attempt, text);
  lab_json_text(j, text);
  lab_json_key(j, "at");
  lab_clock_write_utc(text, c->at);
  lab_json_text(j, text);
  lab_json_key(j, "seconds");
  lab_json_double(j, c->seconds);
  lab_json_key(j, "busy_seconds");
  lab_json_double(j, c->busy);
  if (c->waited >= 0) {
    lab_json_key(j, "waited_seconds");
    lab_json_double(j, c->waited);
  }
  lab_json_key(j, "requests");
  lab_json_double(j, c->requests);
  lab_json_key(j, "in_flight");
  lab_json_uint(j, c->in_flight);
  lab_json_key(j, "bytes");
  lab_json_uint(j, c->len);
  lab_json_key(j, "kept");
  lab_json_bool(j, c->bytes != NULL);
  lab_json_key(j, "origin");
  lab_json_text(j, name_origin(c));
  lab_json_end(j);
}

/* What else a judge needs to know of the visit. */
static void add_visit_json(lab_web *web, lab_json *j) {
  lab_capture *first[LAB_FIRST_NUMBERS];
  lab_shown_step step;
  lab_entry entry;
  size_t n = lab_first_numbers_get(web, lab_attempt_now().id, first);
  lab_shown_read(web->config.vm, &step, &entry);
  lab_json_key(j, "params");
  lab_json_raw(j, step.given.data, step.given.len);
  lab_shown_give_back(&step, &entry);
  lab_json_key(j, "begun");
  lab_json_begin_array(j, LAB_JSON_NEWLINES);
  for (size_t i = 0; i < n; i++) {
    add_capture_json(j, 'b', first[i]);
    lab_capture_unref(first[i]);
  }
  lab_json_end(j);
}

static void write_captures_json(lab_web *web, lab_capture **list, size_t n,
                                lab_buf *out) {
  lab_json j;
  char attempt[LAB_ATTEMPT_TEXT];
  lab_attempt_text(lab_attempt_now().id, attempt);
  lab_json_start(&j, out);
  lab_json_begin_object(&j, LAB_JSON_LINES);
  lab_json_key(&j, "format");
  lab_json_text(&j, "diaglab-captures/1");
  lab_json_key(&j, "step");
  lab_json_int(&j, lab_shown_number(web->config.vm));
  lab_json_key(&j, "attempt");
  lab_json_text(&j, attempt);
  add_visit_json(web, &j);
  lab_json_key(&j, "captures");
  lab_json_begin_array(&j, LAB_JSON_NEWLINES);
  for (size_t i = 0; i < n; i++)
    add_capture_json(&j, 'c', list[i]);
  lab_json_end(&j);
  lab_json_end(&j);
  lab_json_finish(&j);
}

static void write_captures_text(lab_capture **list, size_t n, lab_buf *out) {
  uint64_t now = lab_attempt_now().id;
  lab_buf_puts(out, "   id     kind                 step    time  seconds "
                    "requests   kB\n");
  for (size_t i = 0; i < n; i++) {
    const lab_capture *c = list[i];
    char id[16], at[LAB_UTC_TEXT];
    snprintf(id, sizeof id, "c%u", c->id);
    lab_clock_write_utc(at, c->at);
    lab_buf_printf(out, " %s %-6s %-20.20s %4d %.8s %7.1f %8.0f %5.1f%s\n",
                   c->attempt == now ? ">" : " ", id, c->kind, c->step,
                   strchr(at, 'T') + 1, c->seconds, c->requests,
                   (double)c->len / 1e3,
                   c->is_sent        ? " sent"
                   : c->is_too_large ? " listed only"
                                     : "");
  }
  lab_buf_puts(out, "Those with > are of this visit: they are the evidence for "
                    "an answer.\n"
                    "POST sends a profile, DELETE forgets all, or one with "
                    "?id=c1.\n");
}

static void list_captures(lab_web *web, lab_http_request *req) {
  size_t n;
  lab_buf out = LAB_BUF_INIT;
  lab_capture **list = lab_captures_take(&web->captures, &n);
  bool json = lab_web_wants_json(req);
  if (json)
    write_captures_json(web, list, n, &out);
  else
    write_captures_text(list, n, &out);
  lab_captures_give_back(list, n);
  lab_http_respond_buf(req, 200, json ? LAB_WEB_JSON : LAB_WEB_TEXT,
                       "Vary: Accept\r\n" LAB_WEB_NOSNIFF, &out);
}

/* ---- a file that is sent ------------------------------------------------- */

/* What C, which was sent, doesn't tell itself. */
static void fill_sent_facts(lab_web *web, lab_capture *c) {
  if (strcmp(c->kind, LAB_CAPTURE_TRACE) != 0)
    lab_keep_fill_past(web, c);
  const lab_capture *own = lab_captures_find_answered(&web->captures, c);
  if (own)
    c->waited = own->waited;
  c->step = lab_shown_slug(web->config.vm, c->slug);
}

typedef struct upload {
  lab_slow slow;
  char hint[LAB_CAPTURE_KIND];
  lab_capture *made;
  lab_err err;
} upload;

static void read_upload(lab_slow *s) {
  upload *u = (upload *)s;
  lab_http_str body = lab_http_body(s->req), type;
  size_t len;
  lab_http_header(s->req, "Content-Type", &type);
  const char *file = lab_upload_find(type.data, body.data, body.len, &len);
  if (file)
    u->made = lab_upload_read(file, len, u->hint, &u->err);
  else
    lab_err_set(&u->err, -EINVAL, "the form has no file");
}

static void free_upload(lab_slow *s) {
  lab_capture_unref(((upload *)s)->made);
}

/* Why a capture of ATTEMPT is no evidence here, or NULL. */
static const char *find_foreign(uint64_t attempt) {
  if (attempt == lab_attempt_now().id)
    return NULL;
  if (attempt == 0)
    return "it is not of a lab, as it names no attempt";
  return lab_attempt_is_own(attempt)
             ? "it is of another visit; take one in this visit"
             : "it is of another lab process; take one of this lab";
}

static void answer_kept(lab_http_request *req, int status,
                        const lab_capture *c) {
  lab_buf out = LAB_BUF_INIT;
  if (lab_web_wants_json(req)) {
    lab_json j;
    lab_json_start(&j, &out);
    add_capture_json(&j, 'c', c);
    lab_json_finish(&j);
    lab_http_respond_buf(req, status, LAB_WEB_JSON, "Vary: Accept\r\n", &out);
    return;
  }
  const char *what = strcmp(c->kind, LAB_CAPTURE_TRACE) == 0 ? "" : " profile";
  lab_buf_printf(&out, "c%u: %s%s of step %d, %s\n", c->id, c->kind, what,
                 c->step, status == 201 ? "kept" : "known already");
  lab_http_respond_buf(req, status, LAB_WEB_TEXT, LAB_WEB_NOSNIFF, &out);
}

/* In one line, if it fits into a terminal's. */
static void refuse_upload(lab_http_request *req, const char *why) {
  enum { WIDTH = 80 };
  static const char what[] = "This is no evidence:";
  lab_buf text = LAB_BUF_INIT;
  bool fits = sizeof what + strlen(why) <= WIDTH;
  lab_buf_printf(&text, "%s%c%s", what, fits ? ' ' : '\n', why);
  lab_buf_putc(&text, '\0');
  lab_http_error(req, 422, text.data);
  lab_buf_free(&text);
}

static void answer_upload(lab_slow *s) {
  upload *u = (upload *)s;
  lab_web *web = s->web;
  const char *foreign = u->made ? find_foreign(u->made->attempt) : u->err.text;
  if (web->stopping) {
    lab_http_error(s->req, 503, "the lab is stopping");
  } else if (foreign) {
    refuse_upload(s->req, foreign);
  } else {
    const lab_blob *bytes = u->made->bytes;
    const lab_capture *same = lab_captures_find(
        &web->captures, lab_blob_data(bytes), lab_blob_len(bytes));
    const lab_capture *kept = same ? same : u->made;
    if (!same) {
      fill_sent_facts(web, u->made);
      lab_captures_visit(&web->captures, lab_attempt_now().id);
      lab_web_tell_capture(web, lab_captures_add(&web->captures, u->made));
      u->made = NULL; /* the list's */
    }
    answer_kept(s->req, same ? 200 : 201, kept);
  }
  lab_slow_end(s);
}

static void take_upload(lab_web *web, lab_http_request *req) {
  upload *u = lab_xcalloc(1, sizeof *u);
  if (lab_http_query_get(req, "kind", u->hint, sizeof u->hint) < 0)
    u->hint[0] = '\0';
  lab_slow_begin(&u->slow, web, req, free_upload);
  lab_slow_work(&u->slow, read_upload, answer_upload);
}

/* ---- one of them --------------------------------------------------------- */

enum { ID_TEXT = 16 };

/* MARK and a number: the LEN bytes of TEXT, or what was wrong with them, as
 * lab_http_query_get has it. 0 if it is no id. */
static unsigned parse_id(const char *text, int len, char mark) {
  unsigned id = 0;
  int end = 0;
  bool read = len > 0 && text[0] == mark &&
              sscanf(text + 1, "%9u%n", &id, &end) == 1 && end + 1 == len;
  return read ? id : 0;
}

/* The parameter id; 0 if it is wrong. *NAMED: it is there. */
static unsigned read_id(const lab_http_request *req, char mark, bool *named) {
  char text[ID_TEXT];
  int len = lab_http_query_get(req, "id", text, sizeof text);
  *named = len != -ENOENT;
  return parse_id(text, len, mark);
}

static void refuse_id(lab_http_request *req) {
  lab_http_error(req, 404, "there is no such capture: see the list of them");
}

/* What is kept doesn't change, and no other visit has this tag. */
static void send_kept(lab_http_request *req, char mark, unsigned id,
                      const char *type, const lab_capture *c) {
  char attempt[LAB_ATTEMPT_TEXT], tag[sizeof attempt + 16];
  char headers[sizeof tag + 128];
  lab_attempt_text(lab_attempt_now().id, attempt);
  snprintf(tag, sizeof tag, "\"%s-%c%u\"", attempt, mark, id);
  snprintf(headers, sizeof headers,
           "ETag: %s\r\nCache-Control: no-cache\r\n" LAB_WEB_NOSNIFF, tag);
  if (lab_http_has_tag(req, tag))
    lab_http_respond(req, 304, NULL, headers, NULL, 0);
  else
    lab_http_respond_blob(req, 200, type, headers, c->bytes);
}

static void send_capture(lab_web *web, lab_http_request *req, unsigned id) {
  const lab_capture *c = lab_captures_get(&web->captures, id);
  if (!c)
    refuse_id(req);
  else if (!c->bytes)
    lab_http_error(req, 410,
                   c->is_too_large
                       ? "this trace was too large to be kept"
                       : "this one is of an earlier visit: its bytes are gone");
  else
    send_kept(req, 'c', id, "application/octet-stream", c);
}

/* ---- one of them as text ------------------------------------------------- */

typedef struct capture_text {
  lab_slow slow;
  lab_blob *bytes; /* a profile.proto */
  lab_collapsed collapsed;
} capture_text;

static void free_capture_text(lab_slow *s) {
  capture_text *t = (capture_text *)s;
  if (t->bytes)
    lab_blob_unref(t->bytes);
  lab_collapsed_free(&t->collapsed);
}

static void make_capture_text(lab_slow *s) {
  capture_text *t = (capture_text *)s;
  lab_collapsed_make(&t->collapsed, s->req, lab_blob_data(t->bytes),
                     lab_blob_len(t->bytes));
}

static void answer_capture_text(lab_slow *s) {
  lab_collapsed_answer(&((capture_text *)s)->collapsed, s->req);
  lab_slow_end(s);
}

/* Why C can't be told as stacks with their sums; NULL: it can. */
static const char *find_why_no_text(const lab_capture *c) {
  if (strcmp(c->kind, LAB_CAPTURE_TRACE) == 0)
    return "a trace isn't told as stacks: open it with go tool trace";
  bool numbers =
      strcmp(c->kind, "metrics") == 0 || strcmp(c->kind, "vars") == 0;
  return numbers ? "this capture has numbers, and no stacks" : NULL;
}

/* What was asked for before is kept by now. */
static void begin_capture_text(lab_slow *s) {
  capture_text *t = (capture_text *)s;
  bool named;
  const lab_capture *c =
      lab_captures_get(&s->web->captures, read_id(s->req, 'c', &named));
  const char *why = c && c->bytes ? find_why_no_text(c) : NULL;
  if (c && c->bytes && !why) {
    t->bytes = lab_blob_ref(c->bytes);
    lab_slow_work(s, make_capture_text, answer_capture_text);
    return;
  }
  if (why)
    lab_http_error(s->req, 400, why);
  else
    send_capture(s->web, s->req, c ? c->id : 0);
  lab_slow_end(s);
}

/* False: the request isn't for such a text. */
static bool take_capture_text(lab_web *web, lab_http_request *req) {
  bool named;
  lab_collapsed collapsed;
  if (!lab_collapsed_read(req, &collapsed))
    return true;
  if (!collapsed.wanted || (read_id(req, 'c', &named), !named))
    return false;
  capture_text *t = lab_xcalloc(1, sizeof *t);
  t->collapsed = collapsed;
  lab_slow_begin(&t->slow, web, req, free_capture_text);
  lab_keep_wait(&t->slow, begin_capture_text);
  return true;
}

/* False: the request isn't for the numbers of the beginning. */
static bool send_first_numbers(lab_web *web, lab_http_request *req) {
  lab_capture *first[LAB_FIRST_NUMBERS];
  bool named;
  unsigned id = read_id(req, 'b', &named);
  if (id == 0)
    return false;
  size_t n = lab_first_numbers_get(web, lab_attempt_now().id, first);
  if (id <= n)
    send_kept(req, 'b', id, LAB_WEB_TEXT, first[id - 1]);
  else
    refuse_id(req);
  for (size_t i = 0; i < n; i++)
    lab_capture_unref(first[i]);
  return true;
}

static void show_captures(lab_web *web, lab_http_request *req) {
  bool named;
  unsigned id = read_id(req, 'c', &named);
  if (send_first_numbers(web, req))
    return;
  if (named)
    send_capture(web, req, id);
  else
    list_captures(web, req);
}

static void forget_captures(lab_web *web, lab_http_request *req) {
  char text[ID_TEXT];
  int len = lab_http_query_get_only(req, "id", text, sizeof text);
  unsigned id = parse_id(text, len, 'c');
  if (len == -EINVAL) {
    lab_http_error(req, 400,
                   "id must be that of a capture, and the only parameter; "
                   "without any all captures are forgotten");
    return;
  }
  if (len == -ENOENT) {
    lab_captures_clear(&web->captures);
    lab_http_respond(req, 200, LAB_WEB_TEXT, LAB_WEB_NOSNIFF,
                     "all captures are forgotten\n", 27);
    return;
  }
  if (!lab_captures_drop(&web->captures, id)) {
    refuse_id(req);
    return;
  }
  lab_buf out = LAB_BUF_INIT;
  lab_buf_printf(&out, "c%u is forgotten\n", id);
  lab_http_respond_buf(req, 200, LAB_WEB_TEXT, LAB_WEB_NOSNIFF, &out);
}

/* ---- the whole ----------------------------------------------------------- */

static void free_nothing(lab_slow *s) {
  (void)s;
}

static void answer_for_captures(lab_slow *s) {
  if (s->web->stopping)
    lab_http_error(s->req, 503, "the lab is stopping");
  else if (strcmp(lab_http_method(s->req), "DELETE") == 0)
    forget_captures(s->web, s->req);
  else
    show_captures(s->web, s->req);
  lab_slow_end(s);
}

/* Who asks for a text and then for the captures means that text, too. */
static void wait_for_captures(lab_web *web, lab_http_request *req) {
  lab_slow *s = lab_xcalloc(1, sizeof *s);
  lab_slow_begin(s, web, req, free_nothing);
  lab_keep_wait(s, answer_for_captures);
}

static void take_captures(lab_web *web, lab_http_request *req) {
  if (strcmp(lab_http_method(req), "DELETE") == 0 ||
      !take_capture_text(web, req))
    wait_for_captures(web, req);
}

size_t lab_web_captures_limit(const lab_http_request *req) {
  lab_http_str path = lab_http_path(req);
  return path.len == sizeof PATH - 1 && memcmp(path.data, PATH, path.len) == 0
             ? LAB_UPLOAD_BYTES
             : 0;
}

void lab_web_captures(lab_web *web, lab_http_request *req) {
  const char *method = lab_http_method(req);
  if (web->stopping)
    lab_http_error(req, 503, "the lab is stopping");
  else if (strcmp(method, "GET") == 0 || strcmp(method, "DELETE") == 0 ||
           lab_http_is_head(req))
    take_captures(web, req);
  else if (strcmp(method, "POST") == 0)
    take_upload(web, req);
  else
    lab_web_refuse_method(req, "GET, HEAD, POST, DELETE");
}
