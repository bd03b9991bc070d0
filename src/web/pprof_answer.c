/* SPDX-License-Identifier: MIT
 * See pprof_answer.h. */
#include "web/pprof_answer.h"

#include <stdio.h>

#include "http/response.h"
#include "web/web_internal.h"

void lab_web_pprof_error(lab_http_request *req, int status, const char *text) {
  lab_buf body = LAB_BUF_INIT;
  lab_buf_puts(&body, text);
  lab_buf_putc(&body, '\n');
  lab_http_respond_buf(req, status, LAB_WEB_TEXT,
                       LAB_WEB_NOSNIFF "X-Go-Pprof: 1\r\n", &body);
}

void lab_web_pprof_file(lab_http_request *req, const char *name,
                        const char *suffix, lab_blob *body) {
  char headers[256];
  snprintf(headers, sizeof headers,
           "Content-Disposition: attachment; filename=\"%s%s\"\r\n%s", name,
           suffix, LAB_WEB_NOSNIFF);
  lab_http_respond_blob(req, 200, "application/octet-stream", headers, body);
}
