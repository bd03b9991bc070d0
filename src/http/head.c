/* SPDX-License-Identifier: MIT
 * See head.h. The head is copied piece by piece into the connection's output,
 * which is reserved once: no format strings, since this runs for each answer.
 */
#include "http/head.h"

#include <string.h>
#include <time.h>

#include "base/err.h"
#include "http/conn.h"
#include "http/request_internal.h"
#include "http/server_internal.h"
#include "http/status.h"

/* The caller has reserved enough room at P. Returns where the next piece
 * goes. */
static char *put_text(char *p, const char *text, size_t len) {
  memcpy(p, text, len);
  return p + len;
}

#define PUT(p, literal) put_text(p, literal, sizeof(literal) - 1)

static char *put_decimal(char *p, size_t n) {
  char digits[20];
  size_t len = 0;
  do
    digits[sizeof digits - ++len] = (char)('0' + n % 10);
  while (n /= 10);
  return put_text(p, digits + sizeof digits - len, len);
}

static char *put_status_line(char *p, const lab_http_request *req, int status) {
  const char *text = lab_http_status_text(status);
  p = req->minor ? PUT(p, "HTTP/1.1 ") : PUT(p, "HTTP/1.0 ");
  p = put_decimal(p, (size_t)status);
  *p++ = ' ';
  p = put_text(p, text, strlen(text));
  return PUT(p, "\r\n");
}

/* The Date line is written once per second and kept in the server. */
static char *put_date(char *p, lab_http_server *server) {
  time_t now = time(NULL);
  if (now != server->date_second) {
    struct tm tm;
    gmtime_r(&now, &tm);
    /* The names are those of the C locale, since nobody calls setlocale. */
    strftime(server->date, sizeof server->date,
             "Date: %a, %d %b %Y %H:%M:%S GMT\r\n", &tm);
    server->date_second = now;
  }
  return put_text(p, server->date, LAB_HTTP_DATE_LEN);
}

/* HTTP/1.1 keeps the connection unless told otherwise; HTTP/1.0 closes it
 * unless told otherwise. */
static char *put_connection(char *p, const lab_http_request *req) {
  bool keep = req->conn->keep_alive;
  if (req->minor && !keep)
    return PUT(p, "Connection: close\r\n");
  if (!req->minor && keep)
    return PUT(p, "Connection: keep-alive\r\n");
  return p;
}

static char *put_length(char *p, const lab_http_request *req, size_t length) {
  if (length != LAB_HTTP_NO_LENGTH && !req->bodiless) {
    p = PUT(p, "Content-Length: ");
    p = put_decimal(p, length);
    return PUT(p, "\r\n");
  }
  return req->chunked ? PUT(p, "Transfer-Encoding: chunked\r\n") : p;
}

bool lab_http_has_body(int status) {
  return status != 204 && status != 304;
}

void lab_http_write_head(lab_http_request *req, int status,
                         const char *content_type, const char *extra_headers,
                         size_t length) {
  lab_http_conn *c = req->conn;
  size_t type_len = content_type ? strlen(content_type) : 0;
  size_t extra_len = extra_headers ? strlen(extra_headers) : 0;
  size_t always_len = req->always ? strlen(req->always) : 0;
  LAB_ASSERT(status >= 200 && status <= 999);
  if (c->server->closing)
    c->keep_alive = false;
  req->bodiless = !lab_http_has_body(status);
  char *start =
      lab_buf_reserve(&c->out, type_len + extra_len + always_len + 256);
  char *p = put_status_line(start, req, status);
  if (extra_len > 0)
    p = put_text(p, extra_headers, extra_len);
  if (always_len > 0)
    p = put_text(p, req->always, always_len);
  if (type_len > 0) {
    p = PUT(p, "Content-Type: ");
    p = put_text(p, content_type, type_len);
    p = PUT(p, "\r\n");
  }
  p = put_date(p, c->server);
  p = put_length(p, req, length);
  p = put_connection(p, req);
  p = PUT(p, "\r\n");
  c->out.len += (size_t)(p - start);
}
