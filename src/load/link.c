/* SPDX-License-Identifier: MIT
 * See link.h. */
#include "load/link.h"

#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/queue.h"
#include "load/group.h"

static void on_link_closed(uv_handle_t *handle) {
  load_link *l = LAB_CONTAINER((uv_tcp_t *)handle, load_link, tcp);
  lab_load *load = l->load;
  lab_xfree(l);
  load_user_gone(load);
}

void load_link_drop(load_client *c) {
  load_link *l = c->link;
  if (!l)
    return;
  l->client = NULL;
  c->link = NULL;
  uv_close((uv_handle_t *)&l->tcp, on_link_closed);
}

static void fail_link(load_link *l, int error, const char *step) {
  load_client *c = l->client;
  const lab_http_url *url = &l->load->url;
  bool was_open = l->is_open;
  char text[sizeof c->group->seen.error];
  snprintf(text, sizeof text, "%s:%s: %s%s%s", url->host, url->port, step,
           error ? ": " : "", error ? uv_strerror(error) : "");
  load_link_drop(c);
  load_client_failed(c, text, was_open);
}

/* ---- the answer ---------------------------------------------------------- */

static int on_answer_begin(llhttp_t *parser) {
  load_link *l = parser->data;
  if (l->is_complete)
    return HPE_USER; /* nobody has asked for another answer */
  return 0;
}

static int on_answer_head(llhttp_t *parser) {
  load_link *l = parser->data;
  l->status = parser->status_code;
  return strcmp(l->client->group->plan.method, "HEAD") == 0;
}

static int on_answer_complete(llhttp_t *parser) {
  load_link *l = parser->data;
  l->is_kept = llhttp_should_keep_alive(parser);
  l->is_complete = l->status >= 200; /* "100 Continue": the answer follows */
  return 0;
}

static const llhttp_settings_t link_callbacks = {
    .on_message_begin = on_answer_begin,
    .on_headers_complete = on_answer_head,
    .on_message_complete = on_answer_complete,
};

static void finish_link_answer(load_link *l) {
  load_client *c = l->client;
  int status = l->status;
  l->has_served = true;
  if (!l->is_kept || l->is_writing)
    load_link_drop(c);
  load_client_answered(c, status);
}

/* The server has closed a connection that it had kept open, and may not have
 * seen the request. */
static bool may_send_again(const load_link *l) {
  const char *method = l->client->group->plan.method;
  return l->has_served && !l->has_bytes && !l->client->has_retried &&
         (strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0);
}

static void lose_link(load_link *l, int error) {
  load_client *c = l->client;
  if (!c->is_busy) {
    load_link_drop(c);
  } else if (may_send_again(l)) {
    load_link_drop(c);
    c->has_retried = true;
    load_link_send(c);
  } else if (error == UV_EOF) {
    fail_link(l, 0,
              l->has_bytes ? "the answer is cut short"
                           : "closed without an answer");
  } else {
    fail_link(l, error, "read");
  }
}

static void on_link_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf) {
  load_link *l = LAB_CONTAINER((uv_tcp_t *)stream, load_link, tcp);
  if (n == 0)
    return;
  if (n > 0) {
    bool is_asked = l->client->is_busy;
    l->has_bytes = true;
    l->client->group->seen.bytes += (uint64_t)n;
    llhttp_errno_t rc = llhttp_execute(&l->parser, buf->base, (size_t)n);
    if (!is_asked)
      load_link_drop(l->client); /* bytes that nobody has asked for */
    else if (rc != HPE_OK)
      fail_link(l, 0, "malformed HTTP response");
    else if (l->is_complete)
      finish_link_answer(l);
    return;
  }
  if (n == UV_EOF && l->client->is_busy && l->has_bytes &&
      llhttp_finish(&l->parser) == HPE_OK && l->is_complete) {
    l->is_kept = false;
    finish_link_answer(l);
    return;
  }
  lose_link(l, (int)n);
}

static void lend_load_input(uv_handle_t *handle, size_t suggested,
                            uv_buf_t *out) {
  load_link *l = LAB_CONTAINER((uv_tcp_t *)handle, load_link, tcp);
  (void)suggested;
  *out = uv_buf_init(l->load->input, sizeof l->load->input);
}

/* ---- the request --------------------------------------------------------- */

static void on_rest_written(uv_write_t *write, int status) {
  load_link *l = LAB_CONTAINER(write, load_link, write);
  l->is_writing = false;
  /* A server that refuses the rest of a long body may have answered already;
   * then reading finds the answer. */
  if (status < 0 && status != UV_EPIPE && status != UV_ECONNRESET && l->client)
    fail_link(l, status, "write");
}

/* What the socket takes at once is written without a detour through the loop.
 */
static void write_link_request(load_link *l) {
  load_client *c = l->client;
  const lab_buf *text = c->text.len ? &c->text : &c->group->text;
  uv_buf_t buf = {.base = text->data, .len = text->len}; /* maybe 4 GiB */
  uv_stream_t *stream = (uv_stream_t *)&l->tcp;
  l->has_bytes = l->is_complete = false;
  l->status = 0;
  int n = uv_try_write(stream, &buf, 1);
  if (n == UV_EAGAIN)
    n = 0;
  if (n >= 0 && (size_t)n == text->len)
    return;
  int rc = n;
  if (n >= 0) {
    buf.base += n;
    buf.len -= (size_t)n;
    rc = uv_write(&l->write, stream, &buf, 1, on_rest_written);
    l->is_writing = rc == 0;
  }
  if (rc == UV_EPIPE || rc == UV_ECONNRESET)
    lose_link(l, rc);
  else if (rc < 0)
    fail_link(l, rc, "write");
}

/* ---- connecting ---------------------------------------------------------- */

static void open_link(load_client *c, unsigned address);

static void on_link_connected(uv_connect_t *connect, int status) {
  load_link *l = LAB_CONTAINER(connect, load_link, connect);
  load_client *c = l->client;
  lab_load *load = l->load;
  if (!c)
    return;
  if (status < 0 && !load->has_connected && l->address + 1 < load->naddresses) {
    unsigned next = l->address + 1;
    load_link_drop(c);
    open_link(c, next);
    return;
  }
  if (status == 0)
    status =
        uv_read_start((uv_stream_t *)&l->tcp, lend_load_input, on_link_read);
  if (status < 0) {
    fail_link(l, status, "connect");
    return;
  }
  l->is_open = load->has_connected = true;
  load->good_address = l->address;
  c->group->seen.connections++;
  write_link_request(l);
}

static void open_link(load_client *c, unsigned address) {
  lab_load *load = c->group->load;
  load_link *l = lab_xcalloc(1, sizeof *l);
  l->load = load;
  l->client = c;
  l->address = address;
  llhttp_init(&l->parser, HTTP_RESPONSE, &link_callbacks);
  l->parser.data = l;
  int rc = uv_tcp_init(load->loop, &l->tcp);
  if (rc) { /* the handle is none */
    lab_xfree(l);
    load_client_failed(c, uv_strerror(rc), false);
    return;
  }
  c->link = l;
  load->users++;
  rc = uv_tcp_connect(&l->connect, &l->tcp,
                      (const struct sockaddr *)&load->addresses[address],
                      on_link_connected);
  if (rc == 0)
    uv_tcp_nodelay(&l->tcp, 1); /* without it, requests are only slower */
  else
    fail_link(l, rc, "connect");
}

void load_link_send(load_client *c) {
  if (c->link)
    write_link_request(c->link);
  else
    open_link(c, c->group->load->good_address);
}
