/* SPDX-License-Identifier: MIT
 * See client.h. The call is freed when all its handles are closed and no lookup
 * is under way any more, which may be long after its end. */
#include "http/client.h"

#include <errno.h>
#include <llhttp/llhttp.h>
#include <netdb.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/alloc.h"
#include "base/queue.h"

enum { READ_SIZE = 16384, HEAD_MAX = 65536 };

struct lab_http_call {
  lab_http_call_config config;
  lab_http_result result;
  uv_loop_t *loop;
  uv_tcp_t tcp;
  uv_timer_t timer;
  uv_getaddrinfo_t lookup;
  uv_connect_t connect;
  uv_write_t write;
  llhttp_t parser;
  struct addrinfo *addresses, *next; /* found; the next one to try */
  unsigned users;                    /* handles and a lookup not done with */
  bool has_socket;
  bool ended;
  bool is_head;
  bool in_value; /* parser: the last piece was a header's value */
  int fd;        /* while has_socket */
  char host[256], port[8];
  lab_buf out; /* the request */
  char in[READ_SIZE];
};

/* ---- the end ------------------------------------------------------------- */

static void unuse(lab_http_call *c) {
  if (--c->users > 0)
    return;
  if (c->addresses)
    uv_freeaddrinfo(c->addresses);
  lab_buf_free(&c->out);
  lab_buf_free(&c->result.headers);
  lab_buf_free(&c->result.body);
  lab_xfree(c);
}

static void on_timer_closed(uv_handle_t *handle) {
  unuse(LAB_CONTAINER((uv_timer_t *)handle, lab_http_call, timer));
}

static void on_tcp_closed(uv_handle_t *handle) {
  unuse(LAB_CONTAINER((uv_tcp_t *)handle, lab_http_call, tcp));
}

static void close_socket(lab_http_call *c, uv_close_cb then) {
  c->has_socket = false;
  if (c->fd >= 0)
    c->config.closing(c->config.arg, c->fd);
  uv_close((uv_handle_t *)&c->tcp, then);
}

static void end(lab_http_call *c) {
  c->ended = true;
  if (c->has_socket)
    close_socket(c, on_tcp_closed);
  uv_cancel((uv_req_t *)&c->lookup); /* does nothing unless it waits */
  uv_close((uv_handle_t *)&c->timer, on_timer_closed);
}

void lab_http_call_cancel(lab_http_call *c) {
  end(c);
}

static void finish(lab_http_call *c) {
  end(c);
  c->config.done(c->config.arg, &c->result);
}

static void fail(lab_http_call *c, int error, const char *what) {
  bool is_errno = error > -1000; /* libuv's own lie below */
  c->result.error = is_errno ? error : -EHOSTUNREACH;
  snprintf(c->result.message, sizeof c->result.message, "%s%s%s", what,
           *what ? ": " : "", error == UV_EOF ? "EOF" : uv_strerror(error));
  if (error == UV_EOF)
    c->result.error = -ECONNRESET;
  finish(c);
}

/* ---- reading the answer -------------------------------------------------- */

static lab_http_call *call_of(llhttp_t *parser) {
  return parser->data;
}

static int on_field(llhttp_t *parser, const char *at, size_t len) {
  lab_http_call *c = call_of(parser);
  lab_buf *headers = &c->result.headers;
  c->in_value = false;
  if (headers->len + len > HEAD_MAX)
    return HPE_USER;
  for (size_t i = 0; i < len; i++)
    lab_buf_putc(headers,
                 at[i] >= 'A' && at[i] <= 'Z' ? (char)(at[i] | 0x20) : at[i]);
  return 0;
}

static int on_value(llhttp_t *parser, const char *at, size_t len) {
  lab_http_call *c = call_of(parser);
  lab_buf *headers = &c->result.headers;
  if (headers->len + len > HEAD_MAX)
    return HPE_USER;
  if (!c->in_value)
    lab_buf_puts(headers, ": ");
  c->in_value = true;
  lab_buf_append(headers, at, len);
  return 0;
}

static int on_value_end(llhttp_t *parser) {
  lab_http_call *c = call_of(parser);
  if (!c->in_value)
    lab_buf_puts(&c->result.headers, ": ");
  lab_buf_putc(&c->result.headers, '\n');
  return 0;
}

/* 1: no body follows, whatever the headers say. */
static int on_headers_end(llhttp_t *parser) {
  lab_http_call *c = call_of(parser);
  c->result.status = parser->status_code;
  if (parser->status_code < 200)
    lab_buf_clear(&c->result.headers); /* 100 Continue: the answer follows */
  return c->is_head;
}

static int on_body(llhttp_t *parser, const char *at, size_t len) {
  lab_http_call *c = call_of(parser);
  if (c->result.body.len + len > c->config.max_body)
    return HPE_USER;
  lab_buf_append(&c->result.body, at, len);
  return 0;
}

static int on_message_end(llhttp_t *parser) {
  return call_of(parser)->result.status < 200 ? 0 : HPE_PAUSED;
}

static const llhttp_settings_t settings = {
    .on_header_field = on_field,
    .on_header_value = on_value,
    .on_header_value_complete = on_value_end,
    .on_headers_complete = on_headers_end,
    .on_body = on_body,
    .on_message_complete = on_message_end,
};

static void settle(lab_http_call *c, llhttp_errno_t rc) {
  if (rc == HPE_PAUSED) {
    finish(c);
    return;
  }
  c->result.error = rc == HPE_USER ? -EMSGSIZE : -EPROTO;
  snprintf(c->result.message, sizeof c->result.message, "%s",
           rc == HPE_USER ? "response too large" : "malformed HTTP response");
  finish(c);
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf) {
  lab_http_call *c = LAB_CONTAINER((uv_tcp_t *)stream, lab_http_call, tcp);
  llhttp_errno_t rc = HPE_OK;
  if (n > 0)
    rc = llhttp_execute(&c->parser, buf->base, (size_t)n);
  else if (n == UV_EOF)
    rc = llhttp_finish(&c->parser); /* may be how an answer ends */
  if (rc != HPE_OK && !(n == UV_EOF && rc != HPE_PAUSED))
    settle(c, rc);
  else if (n < 0)
    fail(c, (int)n, n == UV_EOF && c->result.status ? "unexpected" : "read");
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *out) {
  lab_http_call *c = LAB_CONTAINER((uv_tcp_t *)handle, lab_http_call, tcp);
  (void)suggested;
  *out = uv_buf_init(c->in, sizeof c->in);
}

/* ---- sending the request ------------------------------------------------- */

static void on_written(uv_write_t *write, int status) {
  lab_http_call *c = LAB_CONTAINER(write, lab_http_call, write);
  /* One that refuses the rest of a long body may have answered already. */
  if (status < 0 && status != UV_EPIPE && status != UV_ECONNRESET && !c->ended)
    fail(c, status, "write");
}

static void send_request(lab_http_call *c) {
  uv_buf_t buf = uv_buf_init(c->out.data, (unsigned)c->out.len);
  llhttp_init(&c->parser, HTTP_RESPONSE, &settings);
  c->parser.data = c;
  int rc = uv_write(&c->write, (uv_stream_t *)&c->tcp, &buf, 1, on_written);
  if (rc == 0)
    rc = uv_read_start((uv_stream_t *)&c->tcp, on_alloc, on_read);
  if (rc)
    fail(c, rc, "write");
}

/* ---- connecting ---------------------------------------------------------- */

static void try_next(lab_http_call *c);

static void dial_failed(lab_http_call *c, int rc, const char *step) {
  char what[sizeof c->host + 64];
  snprintf(what, sizeof what, "dial tcp %s:%s: %s", c->host, c->port, step);
  fail(c, rc, what);
}

static void on_retry(uv_handle_t *handle) {
  lab_http_call *c = LAB_CONTAINER((uv_tcp_t *)handle, lab_http_call, tcp);
  if (!c->ended)
    try_next(c);
  unuse(c);
}

static void on_connected(uv_connect_t *connect, int status) {
  lab_http_call *c = LAB_CONTAINER(connect, lab_http_call, connect);
  if (c->ended || status == UV_ECANCELED)
    return;
  if (status == 0)
    send_request(c);
  else if (c->next)
    close_socket(c, on_retry);
  else
    dial_failed(c, status, "connect");
}

static int open_socket(lab_http_call *c, const struct addrinfo *a) {
  uv_os_fd_t fd;
  c->fd = -1;
  int rc = uv_tcp_init_ex(c->loop, &c->tcp, (unsigned)a->ai_family);
  if (rc)
    return rc;
  c->users++;
  c->has_socket = true;
  rc = uv_fileno((uv_handle_t *)&c->tcp, &fd);
  if (rc == 0)
    rc = c->config.opened(c->config.arg, fd);
  if (rc == 0)
    c->fd = fd;
  return rc;
}

static void try_next(lab_http_call *c) {
  const struct addrinfo *a = c->next;
  c->next = a->ai_next;
  int rc = open_socket(c, a);
  if (rc) {
    dial_failed(c, rc, "socket");
    return;
  }
  rc = uv_tcp_connect(&c->connect, &c->tcp, a->ai_addr, on_connected);
  if (rc)
    dial_failed(c, rc, "connect");
}

static void on_found(uv_getaddrinfo_t *lookup, int status,
                     struct addrinfo *found) {
  lab_http_call *c = LAB_CONTAINER(lookup, lab_http_call, lookup);
  c->addresses = c->next = found;
  if (!c->ended && status < 0) {
    char what[sizeof c->host + 32];
    snprintf(what, sizeof what, "dial tcp: lookup %s", c->host);
    fail(c, status, what);
  } else if (!c->ended) {
    try_next(c);
  }
  unuse(c);
}

/* ---- the URL ------------------------------------------------------------- */

/* Splits "host[:port]"; an IPv6 address stands in brackets. */
static bool split_authority(lab_http_call *c, const char *text, size_t len) {
  const char *end = text + len, *host = text, *host_end;
  if (memchr(text, '@', len))
    return false;
  if (len > 0 && *text == '[') {
    host++;
    host_end = memchr(text, ']', len);
    text = host_end ? host_end + 1 : end;
  } else {
    host_end = memchr(text, ':', len);
    text = host_end = host_end ? host_end : end;
  }
  if (!host_end || host_end == host ||
      (size_t)(host_end - host) >= sizeof c->host)
    return false;
  snprintf(c->host, sizeof c->host, "%.*s", (int)(host_end - host), host);
  size_t digits = strspn(text + (text < end), "0123456789");
  if (text == end)
    strcpy(c->port, "80");
  else if (*text != ':' || text + 1 + digits != end || digits == 0 ||
           digits >= sizeof c->port)
    return false;
  else
    snprintf(c->port, sizeof c->port, "%.*s", (int)digits, text + 1);
  return true;
}

/* What could end a request's line, or a header's. */
static bool has_controls(const char *s) {
  for (; *s; s++)
    if ((unsigned char)*s <= ' ' || *s == 0x7f)
      return true;
  return false;
}

/* NULL, or what is wrong with the URL. Writes the request. */
static const char *write_request(lab_http_call *c) {
  const char *url = c->config.url;
  if (has_controls(url))
    return "invalid control character in URL";
  if (strncasecmp(url, "http://", 7) != 0)
    return "unsupported protocol scheme";
  const char *authority = url + 7;
  size_t len = strcspn(authority, "/?#");
  if (!split_authority(c, authority, len))
    return "invalid host in URL";
  const char *target = authority + len;
  lab_buf_printf(&c->out, "%s %s%.*s HTTP/1.1\r\nHost: %.*s\r\n",
                 c->config.method, *target == '/' ? "" : "/",
                 (int)strcspn(target, "#"), target, (int)len, authority);
  lab_buf_printf(&c->out, "Connection: close\r\n%s", c->config.headers);
  if (c->config.body_len > 0)
    lab_buf_printf(&c->out, "Content-Length: %zu\r\n", c->config.body_len);
  lab_buf_puts(&c->out, "\r\n");
  if (c->config.body_len > 0)
    lab_buf_append(&c->out, c->config.body, c->config.body_len);
  return NULL;
}

/* ---- the beginning ------------------------------------------------------- */

static void on_timeout(uv_timer_t *timer) {
  fail(LAB_CONTAINER(timer, lab_http_call, timer), UV_ETIMEDOUT,
       "deadline exceeded");
}

/* The error is in result already. */
static void on_bad_begin(uv_timer_t *timer) {
  finish(LAB_CONTAINER(timer, lab_http_call, timer));
}

static int look_up(lab_http_call *c) {
  struct addrinfo hints = {.ai_socktype = SOCK_STREAM,
                           .ai_flags = AI_NUMERICSERV};
  int rc =
      uv_getaddrinfo(c->loop, &c->lookup, on_found, c->host, c->port, &hints);
  c->users += rc == 0;
  return rc;
}

lab_http_call *lab_http_call_begin(uv_loop_t *loop,
                                   const lab_http_call_config *config) {
  lab_http_call *c = lab_xcalloc(1, sizeof *c);
  c->config = *config;
  c->loop = loop;
  c->users = 1; /* the timer */
  c->fd = -1;
  c->is_head = strcmp(config->method, "HEAD") == 0;
  uv_timer_init(loop, &c->timer);
  const char *wrong = write_request(c);
  int rc = wrong ? -EINVAL : look_up(c);
  if (rc) {
    c->result.error = rc > -1000 ? rc : -EINVAL;
    snprintf(c->result.message, sizeof c->result.message, "%s",
             wrong ? wrong : uv_strerror(rc));
    uv_timer_start(&c->timer, on_bad_begin, 0, 0);
  } else if (config->timeout_ms > 0) {
    uv_timer_start(&c->timer, on_timeout, config->timeout_ms, 0);
  }
  /* Only for writing the request. */
  c->config.method = c->config.url = c->config.headers = NULL;
  c->config.body = NULL;
  return c;
}
