/* SPDX-License-Identifier: MIT
 * See forms.h. */
#include "page/forms.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "http/client.h"
#include "http/http.h"
#include "page/page_internal.h"
#include "page/render.h"
#include "scenario/shown.h"
#include "web/page.h"

enum {
  TIMEOUT_MS = 10000,
  SWITCH_MS = 600000, /* to enter a step may take long */
  ANSWER_MOST = 16 << 20,
  SHOWN_MOST = 2000, /* bytes of an answer */
  PATH_MOST = 2000,
};

/* What a form asks the lab for. */
typedef struct form_way {
  const char *kind, *section; /* what it is; where the page goes on */
  const char *method;
  uint64_t timeout_ms;
} form_way;

static const form_way going = {"go", "now", "POST", SWITCH_MS};
static const form_way requesting = {"request", "see", "GET", TIMEOUT_MS};
static const form_way hinting = {"hint", "say", "GET", TIMEOUT_MS};
static const form_way answering = {"answer", "say", "POST", TIMEOUT_MS};

/* A form whose answer waits for the lab's own. */
typedef struct form_call {
  lab_list link; /* of page->forms */
  lab_page *page;
  lab_http_request *req;
  lab_http_call *call;
  const form_way *way;
  uint64_t began;
  char *path; /* of a request to the application, or NULL */
} form_call;

static void free_form_call(form_call *f) {
  lab_list_remove(&f->link);
  lab_xfree(f->path);
  lab_xfree(f);
}

/* ---- what came of it ----------------------------------------------------- */

static bool is_json_answer(const lab_http_result *result) {
  static const char type[] = "content-type: application/json";
  return memmem(result->headers.data, result->headers.len, type,
                sizeof type - 1) != NULL;
}

static void note_seen(form_call *f, lab_http_result *result) {
  lab_page_seen *seen = &f->page->seen;
  char text[64];
  lab_xfree(seen->path);
  seen->path = f->path;
  f->path = NULL;
  seen->status = result->status;
  seen->ns = lab_clock_mono() - f->began;
  lab_buf_clear(&seen->body);
  size_t len = result->body.len < SHOWN_MOST ? result->body.len : SHOWN_MOST;
  lab_buf_append(&seen->body, result->body.data, len);
  snprintf(seen->error, sizeof seen->error, "%s",
           result->error ? result->message : "");
  snprintf(text, sizeof text, result->error ? "no answer" : "answer %d",
           result->status);
  lab_streams_mark(&f->page->streams, "request", text);
}

static void show_form_answer(form_call *f, lab_http_result *result) {
  lab_page_happening what = {.kind = f->way->kind, .status = result->status};
  if (result->error) {
    what.status = 503;
    lab_buf_printf(&what.text, "The lab can't reach itself: %s",
                   result->message);
  } else {
    what.is_verdict = is_json_answer(result);
    what.text = result->body;
    result->body = (lab_buf)LAB_BUF_INIT;
  }
  lab_page_show(f->page, f->req, &what);
}

/* Else its switch would look as if somebody waited for it. */
static void on_form_client_gone(lab_http_request *req, void *arg) {
  form_call *f = arg;
  (void)req;
  lab_http_call_cancel(f->call);
  free_form_call(f);
}

static void on_form_answered(void *arg, lab_http_result *result) {
  form_call *f = arg;
  lab_http_on_gone(f->req, NULL, NULL);
  bool is_answer = f->way == &answering;
  bool is_request = f->path != NULL;
  if (is_request)
    note_seen(f, result);
  if (is_request || (!is_answer && !result->error && result->status == 200))
    lab_page_go_on(f->req, f->way->section);
  else
    show_form_answer(f, result);
  free_form_call(f);
}

/* ---- asking -------------------------------------------------------------- */

#define FORM_AGENT "User-Agent: diaglab-page\r\n"

/* TARGET, such as "/hint?n=1", is freed. */
static form_call *ask_own_lab(lab_page *page, lab_http_request *req,
                              const form_way *way, lab_buf *target,
                              const char *headers, lab_http_str body) {
  char base[LAB_WEB_URL];
  lab_buf url = LAB_BUF_INIT;
  int rc = lab_web_own_url(page->config.web, base);
  lab_buf_printf(&url, "%s%.*s%c", rc ? "" : base, (int)target->len,
                 target->data, '\0');
  lab_buf_free(target);
  if (rc) {
    lab_page_refuse(page, req, way->kind, 503, strerror(-rc));
    lab_buf_free(&url);
    return NULL;
  }
  form_call *f = lab_xcalloc(1, sizeof *f);
  *f = (form_call){
      .page = page, .req = req, .way = way, .began = lab_clock_mono()};
  lab_list_push_back(&page->forms, &f->link);
  f->call = lab_http_call_begin(
      page->config.loop, &(lab_http_call_config){.method = way->method,
                                                 .url = url.data,
                                                 .headers = headers,
                                                 .body = body.data,
                                                 .body_len = body.len,
                                                 .timeout_ms = way->timeout_ms,
                                                 .max_body = ANSWER_MOST,
                                                 .done = on_form_answered,
                                                 .arg = f});
  lab_http_on_gone(req, on_form_client_gone, f);
  lab_buf_free(&url);
  return f;
}

/* The same without a body. */
static form_call *ask_by_target(lab_page *page, lab_http_request *req,
                                const form_way *way, lab_buf *target) {
  return ask_own_lab(page, req, way, target, FORM_AGENT, (lab_http_str){"", 0});
}

/* ---- choosing a step ----------------------------------------------------- */

static void append_url_part(lab_buf *out, const char *bytes, size_t n) {
  static const char plain[] = "abcdefghijklmnopqrstuvwxyz"
                              "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~";
  for (size_t i = 0; i < n; i++) {
    if (bytes[i] && strchr(plain, bytes[i]))
      lab_buf_putc(out, bytes[i]);
    else
      lab_buf_printf(out, "%%%02X", (unsigned char)bytes[i]);
  }
}

/* The fields step and p.NAME as the query of /goto. A field that was left empty
 * has its default. False: a field can't be read. */
static bool write_goto_query(lab_http_str form, lab_buf *out) {
  lab_buf key = LAB_BUF_INIT, value = LAB_BUF_INIT;
  char end = '?';
  int read;
  lab_buf_puts(out, "/goto");
  while ((read = lab_http_next_pair(&form, &key, &value)) > 0) {
    bool is_param = key.len > 2 && memcmp(key.data, "p.", 2) == 0;
    bool is_step = key.len == 4 && memcmp(key.data, "step", 4) == 0;
    if ((!is_param && !is_step) || value.len == 0)
      continue;
    lab_buf_putc(out, end);
    append_url_part(out, key.data + 2 * is_param, key.len - 2 * is_param);
    lab_buf_putc(out, '=');
    append_url_part(out, value.data, value.len);
    end = '&';
  }
  lab_buf_free(&key);
  lab_buf_free(&value);
  return read == 0;
}

void lab_page_form_go(lab_page *page, lab_http_request *req) {
  lab_buf target = LAB_BUF_INIT;
  if (write_goto_query(lab_http_body(req), &target)) {
    ask_by_target(page, req, &going, &target);
    return;
  }
  lab_buf_free(&target);
  lab_page_refuse(page, req, "go", 400, "a field of the form can't be read");
}

/* ---- a request ----------------------------------------------------------- */

static bool is_good_path(const char *path) {
  for (const char *p = path; *p; p++)
    if (*p <= ' ' || *p >= 0x7f || *p == '#')
      return false;
  return *path == '/';
}

void lab_page_form_request(lab_page *page, lab_http_request *req) {
  char path[PATH_MOST] = "/";
  lab_buf target = LAB_BUF_INIT;
  int len = lab_http_form_get(req, "path", path, sizeof path);
  if ((len < 0 && len != -ENOENT) || !is_good_path(path)) {
    lab_page_refuse(page, req, "request", 400,
                    "A path begins with / and has no spaces, such as /?n=1");
    return;
  }
  lab_buf_puts(&target, path);
  form_call *f = ask_by_target(page, req, &requesting, &target);
  if (f)
    f->path = lab_xstrdup(path);
}

/* ---- a hint, an answer --------------------------------------------------- */

void lab_page_form_hint(lab_page *page, lab_http_request *req) {
  char n[24];
  lab_buf target = LAB_BUF_INIT;
  int step = lab_shown_number(page->config.vm);
  int len = lab_http_form_get(req, "n", n, sizeof n);
  lab_buf_puts(&target, "/hint?n=");
  if (len == -ENOENT)
    lab_buf_printf(&target, "%d",
                   lab_web_hints_told(page->config.web, step) + 1);
  else if (len > 0) /* else there is no number, which /hint says */
    append_url_part(&target, n, (size_t)len);
  ask_by_target(page, req, &hinting, &target);
}

void lab_page_form_answer(lab_page *page, lab_http_request *req) {
  lab_http_str type;
  lab_buf target = LAB_BUF_INIT, headers = LAB_BUF_INIT;
  lab_buf_puts(&target, "/lab/answer");
  lab_http_header(req, "Content-Type", &type);
  lab_buf_printf(&headers,
                 FORM_AGENT "Accept: application/json\r\n"
                            "Content-Type: %.*s\r\n%c",
                 (int)type.len, type.data, '\0');
  ask_own_lab(page, req, &answering, &target, headers.data, lab_http_body(req));
  lab_buf_free(&headers);
}

/* ---- the end ------------------------------------------------------------- */

void lab_page_stop_forms(lab_page *page) {
  while (!lab_list_empty(&page->forms)) {
    form_call *f = LAB_CONTAINER(page->forms.next, form_call, link);
    lab_http_call_cancel(f->call);
    lab_http_on_gone(f->req, NULL, NULL);
    lab_http_error(f->req, 503, "the lab is stopping");
    free_form_call(f);
  }
  lab_xfree(page->seen.path);
  page->seen.path = NULL;
  lab_buf_free(&page->seen.body);
}
