/* SPDX-License-Identifier: MIT
 * See wire.h. */
#include "http/wire.h"

#include "base/alloc.h"

enum { READ_SIZE = 16384 };

static lab_http_wire *get_wire(void *tcp) {
  return LAB_CONTAINER((uv_tcp_t *)tcp, lab_http_wire, tcp);
}

/* ---- the end ------------------------------------------------------------- */

static void on_wire_closed(uv_handle_t *handle) {
  lab_http_wire *w = get_wire(handle);
  if (w->events)
    w->events->closed(w->user);
  lab_xfree(w);
}

void lab_http_wire_close(lab_http_wire *w) {
  w->closed = true;
  lab_list_remove(&w->link);
  if (w->fd >= 0 && w->closing)
    w->closing(w->closing_arg, w->fd);
  uv_close((uv_handle_t *)&w->tcp, on_wire_closed);
}

void lab_http_wire_use(lab_http_wire *w, const lab_http_wire_events *events,
                       void *user) {
  w->events = events;
  w->user = user;
}

/* ---- reading ------------------------------------------------------------- */

/* A server that says something to nobody has closed it, or is not to be
 * trusted. */
static void tell_wire_came(lab_http_wire *w, const char *bytes, ssize_t n) {
  if (n < 0)
    w->reading = false; /* libuv has stopped */
  if (w->events)
    w->events->came(w->user, bytes, n);
  else
    lab_http_wire_close(w);
}

static void on_wire_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf) {
  if (n != 0)
    tell_wire_came(get_wire(stream), buf->base, n);
  lab_xfree(buf->base);
}

/* Until on_wire_read: thousands of wires may wait, and this is the lab's own
 * memory. Without any, that gets UV_ENOBUFS. */
static void lend_wire_buffer(uv_handle_t *handle, size_t suggested,
                             uv_buf_t *out) {
  (void)handle;
  (void)suggested;
  *out = uv_buf_init(lab_try_malloc(READ_SIZE), READ_SIZE);
}

int lab_http_wire_read(lab_http_wire *w, bool wanted) {
  if (w->reading == wanted)
    return 0;
  w->reading = wanted;
  if (wanted)
    return uv_read_start((uv_stream_t *)&w->tcp, lend_wire_buffer,
                         on_wire_read);
  return uv_read_stop((uv_stream_t *)&w->tcp);
}

/* ---- sending ------------------------------------------------------------- */

static void on_wire_written(uv_write_t *write, int status) {
  lab_http_wire *w = LAB_CONTAINER(write, lab_http_wire, write);
  w->writing = false;
  if (w->events && !w->closed)
    w->events->written(w->user, status);
}

int lab_http_wire_send(lab_http_wire *w, const lab_buf *out) {
  uv_buf_t buf = {.base = out->data, .len = out->len};
  int rc =
      uv_write(&w->write, (uv_stream_t *)&w->tcp, &buf, 1, on_wire_written);
  w->writing = rc == 0;
  return rc;
}

/* ---- the beginning ------------------------------------------------------- */

static void on_wire_connected(uv_connect_t *connect, int status) {
  lab_http_wire *w = LAB_CONTAINER(connect, lab_http_wire, connect);
  if (w->events && !w->closed)
    w->events->connected(w->user, status);
}

/* The socket exists. Tells its owner, who may refuse it. */
static int enter_socket(lab_http_wire *w, const lab_http_fd_watch *watch) {
  uv_os_fd_t fd;
  int rc = uv_fileno((uv_handle_t *)&w->tcp, &fd);
  if (rc == 0 && watch->opened)
    rc = watch->opened(watch->opened_arg, fd);
  if (rc == 0)
    w->fd = fd;
  return rc;
}

int lab_http_wire_open(lab_http_wire **out, uv_loop_t *loop,
                       const struct sockaddr *address,
                       const lab_http_fd_watch *watch, const char **step) {
  lab_http_wire *w = lab_xcalloc(1, sizeof *w);
  w->fd = -1;
  w->closing = watch->closing;
  w->closing_arg = watch->closing_arg;
  lab_list_init(&w->link);
  *step = "socket";
  int rc = uv_tcp_init_ex(loop, &w->tcp, address->sa_family);
  if (rc) {
    lab_xfree(w);
    return rc;
  }
  rc = enter_socket(w, watch);
  if (rc == 0) {
    *step = "connect";
    rc = uv_tcp_connect(&w->connect, &w->tcp, address, on_wire_connected);
  }
  if (rc)
    lab_http_wire_close(w);
  else
    *out = w;
  return rc;
}
