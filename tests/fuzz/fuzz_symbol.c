/* SPDX-License-Identifier: MIT
 * /debug/pprof/symbol with any body. Only the handler is under test, so this
 * file takes the place of what is around it: the request is the input, the work
 * runs at once. Checked: the answer is whole lines. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/err.h"
#include "web/slow.h"
#include "web/symbol.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static lab_http_str input;

const char *lab_http_method(const lab_http_request *req) {
  (void)req;
  return "POST";
}

lab_http_str lab_http_query(const lab_http_request *req) {
  (void)req;
  return (lab_http_str){"", 0};
}

lab_http_str lab_http_body(const lab_http_request *req) {
  (void)req;
  return input;
}

void lab_http_respond_buf(lab_http_request *req, int status,
                          const char *content_type, const char *extra_headers,
                          lab_buf *body) {
  static const char first[] = "num_symbols: 1\n";
  (void)req;
  (void)content_type;
  (void)extra_headers;
  LAB_ASSERT(status == 200 && body->len >= sizeof first - 1);
  LAB_ASSERT(memcmp(body->data, first, sizeof first - 1) == 0);
  LAB_ASSERT(body->data[body->len - 1] == '\n');
  lab_buf_free(body);
}

void lab_slow_begin(lab_slow *s, lab_web *web, lab_http_request *req,
                    void (*cleanup)(lab_slow *s)) {
  s->web = web;
  s->req = req;
  s->cleanup = cleanup;
}

void lab_slow_work(lab_slow *s, void (*run)(lab_slow *s),
                   void (*next)(lab_slow *s)) {
  run(s);
  next(s);
}

void lab_slow_end(lab_slow *s) {
  s->cleanup(s);
  lab_xfree(s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  char *body = malloc(size + (size == 0));
  memcpy(body, data, size);
  input = (lab_http_str){body, size};
  lab_web_symbol(NULL, NULL);
  free(body);
  return 0;
}
