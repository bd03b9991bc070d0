/* SPDX-License-Identifier: MIT
 * See pprof_answer.h. */
#include "web/pprof_answer.h"

#include <stdio.h>
#include <string.h>

#include "base/plain.h"
#include "http/response.h"
#include "web/pack.h"
#include "web/web_internal.h"

void lab_web_pprof_error(lab_http_request *req, int status, const char *text) {
  lab_buf body = LAB_BUF_INIT;
  lab_plain_append(&body, text, strlen(text), false); /* it may quote the
                                                 request, or a file */
  lab_buf_putc(&body, '\n');
  lab_http_respond_buf(req, status, LAB_WEB_TEXT,
                       LAB_WEB_NOSNIFF "X-Go-Pprof: 1\r\n", &body);
}

/* The caller frees it. */
static lab_buf end_headers(lab_timing *timing, const char *others) {
  lab_buf headers = LAB_BUF_INIT;
  lab_timing_write(timing, &headers);
  lab_buf_puts(&headers, others);
  lab_buf_puts(&headers, LAB_WEB_NOSNIFF);
  lab_buf_putc(&headers, '\0');
  return headers;
}

void lab_web_pprof_file(lab_http_request *req, const char *name,
                        const char *suffix, lab_timing *timing,
                        lab_blob *body) {
  char file[256];
  snprintf(file, sizeof file,
           "Content-Disposition: attachment; filename=\"%s%s\"\r\n", name,
           suffix);
  lab_buf headers = end_headers(timing, file);
  lab_http_respond_blob(req, 200, "application/octet-stream", headers.data,
                        body);
  lab_buf_free(&headers);
}

void lab_web_pprof_text(lab_http_request *req, bool packed, lab_timing *timing,
                        lab_buf *text) {
  lab_buf headers = end_headers(timing, packed ? LAB_PACK_IS : LAB_PACK_MAY);
  lab_http_respond_buf(req, 200, LAB_WEB_TEXT, headers.data, text);
  lab_buf_free(&headers);
}
