/* SPDX-License-Identifier: MIT
 * See fetch.h. The descriptor of a request's own connection is counted with the
 * request. A pool counts those of its connections, which outlive requests; in
 * lab.OpenFiles each has the stack of the request that has opened it. */
#include "services/fetch.h"

#include <errno.h>
#include <stdio.h>

#include "base/queue.h"
#include "http/client.h"
#include "http/url.h"
#include "services/services.h"

enum { ANSWER_MAX = 64 << 20 };
_Static_assert((int)LAB_PLACE_TEXT >= (int)LAB_HTTP_URL_PLACE, "it fits");

const char *lab_services_find_place(const char *url, char *out) {
  lab_http_url parts;
  const char *wrong = lab_http_url_split(&parts, url);
  if (!wrong)
    lab_http_url_place(&parts, out);
  return wrong;
}

static lab_fetch *get_fetch(lab_errand *e) {
  return LAB_CONTAINER(e, lab_fetch, errand);
}

/* ---- descriptors --------------------------------------------------------- */

static int enter_fetch_fd(void *arg, int fd) {
  return lab_errand_opened(arg, fd);
}

static void leave_fetch_fd(void *arg, int fd) {
  (void)arg;
  lab_errand_closing(fd);
}

static int enter_pooled_fd(void *arg, int fd) {
  lab_errand *e = arg, *pool = &get_fetch(e)->pool->errand;
  int rc = lab_errand_take(pool);
  if (rc)
    return rc;
  rc = lab_errand_opened(e, fd);
  if (rc)
    lab_errand_give(pool, -1);
  return rc;
}

static void leave_pooled_fd(void *arg, int fd) {
  lab_errand_give(arg, fd);
}

/* ---- requests ------------------------------------------------------------ */

/* The VM doesn't look at F now: it waits for news. */
static void take_call_result(lab_fetch *f, lab_http_result *result) {
  f->error = result->error;
  f->status = result->status;
  snprintf(f->message, sizeof f->message, "%s", result->message);
  f->answer = result->body;
  result->body = (lab_buf)LAB_BUF_INIT;
}

static void take_call_headers(lab_fetch *f, lab_http_result *result) {
  f->answer_headers = result->headers;
  result->headers = (lab_buf)LAB_BUF_INIT;
}

static void tell_fetch_head(void *arg, lab_http_result *result) {
  lab_errand *e = arg;
  take_call_result(get_fetch(e), result);
  take_call_headers(get_fetch(e), result);
  lab_errand_tell(e, 0);
}

static void tell_fetch_part(void *arg, lab_http_result *result) {
  lab_errand *e = arg;
  take_call_result(get_fetch(e), result);
  lab_errand_tell(e, 1);
}

/* It may be the last part of what was told before, or all of it. */
static void tell_fetched(void *arg, lab_http_result *result) {
  lab_errand *e = arg;
  lab_fetch *f = get_fetch(e);
  bool is_part = f->wanted > 0;
  e->impl = NULL;
  f->is_last = true;
  take_call_result(f, result);
  if (!is_part)
    take_call_headers(f, result);
  lab_errand_tell(e, is_part);
}

void lab_services_fetch(lab_errand *e) {
  lab_fetch *f = get_fetch(e);
  lab_http_call_config config = {
      .method = f->method,
      .url = f->url,
      .headers = f->headers,
      .body = f->body.data,
      .body_len = f->body.len,
      .timeout_ms = f->timeout_ms,
      .part_timeout_ms = f->part_timeout_ms,
      .max_body = ANSWER_MAX,
      .pool = f->pool ? f->pool->errand.impl : NULL,
      .opened = f->pool ? enter_pooled_fd : enter_fetch_fd,
      .closing = leave_fetch_fd,
      .head = f->in_parts ? tell_fetch_head : NULL,
      .part = tell_fetch_part,
      .done = tell_fetched,
      .arg = e,
  };
  e->impl = lab_http_call_begin(lab_services_loop_of(e), &config);
  lab_buf_free(&f->body); /* it was copied */
}

void lab_services_read_fetch(lab_fetch *f) {
  lab_http_call_read(f->errand.impl, f->wanted);
}

void lab_services_stop_fetch(lab_errand *e) {
  if (e->impl)
    lab_http_call_cancel(e->impl);
  e->impl = NULL;
}

/* ---- pools --------------------------------------------------------------- */

void lab_services_pool(lab_errand *e) {
  lab_fetch_pool *pool = LAB_CONTAINER(e, lab_fetch_pool, errand);
  lab_http_pool_config config = {
      .idle_ms = pool->idle_ms, .closing = leave_pooled_fd, .arg = e};
  e->impl = lab_http_pool_new(pool->memory, lab_services_loop_of(e), &config);
  pool->memory = NULL;
}

void lab_services_stop_pool(lab_errand *e) {
  if (!lab_http_pool_drain(e->impl, LAB_SERVICES_CLOSE_MOST)) {
    lab_errand_stop_again(e);
    return;
  }
  lab_http_pool_close(e->impl);
  e->impl = NULL;
}
