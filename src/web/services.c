/* SPDX-License-Identifier: MIT
 * The services' table, and requests that scenarios send. */
#include "web/services.h"

#include <stdio.h>
#include <string.h>

#include "base/queue.h"
#include "http/client.h"

enum { ANSWER_MAX = 64 << 20 };

void lab_web_services(lab_vm_services *out, lab_web_services_config *config) {
  *out = (lab_vm_services){
      .arg = config,
      .fetch = lab_web_fetch,
      .stop_fetch = lab_web_stop_fetch,
      .serve = lab_web_serve,
      .stop_serve = lab_web_stop_serve,
      .spawn = lab_web_spawn,
      .kill = lab_web_kill,
      .stop_child = lab_web_stop_child,
  };
}

static int on_opened(void *arg, int fd) {
  return lab_errand_opened(arg, fd);
}

static void on_closing(void *arg, int fd) {
  lab_errand_closing(arg, fd);
}

static void on_done(void *arg, lab_http_result *result) {
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

void lab_web_fetch(lab_errand *e) {
  const lab_fetch *f = LAB_CONTAINER(e, lab_fetch, errand);
  lab_http_call_config config = {
      .method = f->method,
      .url = f->url,
      .headers = f->headers,
      .body = f->body.data,
      .body_len = f->body.len,
      .timeout_ms = f->timeout_ms,
      .max_body = ANSWER_MAX,
      .opened = on_opened,
      .closing = on_closing,
      .done = on_done,
      .arg = e,
  };
  e->impl = lab_http_call_begin(lab_web_loop_of(e), &config);
}

void lab_web_stop_fetch(lab_errand *e) {
  if (e->impl)
    lab_http_call_cancel(e->impl);
  e->impl = NULL;
}
