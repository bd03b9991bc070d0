/* SPDX-License-Identifier: MIT
 * See fetch.h. */
#include "services/fetch.h"

#include <stdio.h>

#include "base/queue.h"
#include "http/client.h"
#include "services/services.h"

enum { ANSWER_MAX = 64 << 20 };

static int enter_fetch_fd(void *arg, int fd) {
  return lab_errand_opened(arg, fd);
}

static void leave_fetch_fd(void *arg, int fd) {
  (void)arg;
  lab_errand_closing(fd);
}

static void tell_fetched(void *arg, lab_http_result *result) {
  lab_errand *e = arg;
  lab_fetch *f = LAB_CONTAINER(e, lab_fetch, errand);
  e->impl = NULL;
  f->error = result->error;
  f->status = result->status;
  snprintf(f->message, sizeof f->message, "%s", result->message);
  f->answer_headers = result->headers;
  f->answer = result->body;
  result->headers = result->body = (lab_buf)LAB_BUF_INIT;
  lab_errand_tell(e, 0);
}

void lab_services_fetch(lab_errand *e) {
  lab_fetch *f = LAB_CONTAINER(e, lab_fetch, errand);
  lab_http_call_config config = {
      .method = f->method,
      .url = f->url,
      .headers = f->headers,
      .body = f->body.data,
      .body_len = f->body.len,
      .timeout_ms = f->timeout_ms,
      .max_body = ANSWER_MAX,
      .opened = enter_fetch_fd,
      .closing = leave_fetch_fd,
      .done = tell_fetched,
      .arg = e,
  };
  e->impl = lab_http_call_begin(lab_services_loop_of(e), &config);
  lab_buf_free(&f->body); /* it was copied */
}

void lab_services_stop_fetch(lab_errand *e) {
  if (e->impl)
    lab_http_call_cancel(e->impl);
  e->impl = NULL;
}
