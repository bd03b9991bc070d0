/* SPDX-License-Identifier: MIT
 * Sends any bytes to a connection of the server.
 *
 * The first byte of the input chooses how the handler answers: at once, late,
 * as a stream, while it holds the request, or while it watches the client. The
 * second byte is the number of bytes that are sent at a time, but in 16 pieces
 * all is sent. The rest is what the client sends, before it closes its half.
 * The server is the real one, on one end of a socketpair; it is the same for
 * all inputs, because a new one takes longer than an input. Checked: an answer
 * looks like HTTP, every request is complete, and of a connection whose client
 * is gone no handle is left. */
#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <uv.h>

#include "base/err.h"
#include "http/http.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);

enum { PIECES = 16 };
enum { AT_ONCE, LATE, STREAM, HELD, WATCHED, MODES };

typedef struct harness {
  unsigned mode;
  lab_http_request *late;
  bool answered; /* something was read */
  bool over;     /* the server has closed the connection */
} harness;

static uv_loop_t loop;
static lab_http_server *server;
static harness h;
static int idle_handles;

/* Reads everything in the request, so that the sanitizers see it. */
static void read_request(const lab_http_request *req) {
  char out[16];
  const char *reason;
  lab_http_str value;
  const lab_http_guard_config guard = {NULL, 0, false};
  LAB_ASSERT(lab_http_path(req).len > 0);
  LAB_ASSERT(strlen(lab_http_path(req).data) <= lab_http_path(req).len);
  LAB_ASSERT(lab_http_body(req).len <= 512);
  lab_http_header(req, "x", &value);
  lab_http_query_get(req, "a", out, sizeof out);
  lab_http_form_get(req, "b", out, sizeof out);
  lab_http_guard(req, &guard, true, &reason);
}

static void forget_late_request(lab_http_request *req, void *arg) {
  harness *h = arg;
  LAB_ASSERT(h->late == req);
  h->late = NULL;
}

static void answer_in_parts(lab_http_request *req) {
  lab_buf chunk = LAB_BUF_INIT;
  lab_http_stream_begin(req, 200, NULL, NULL);
  lab_buf_puts(&chunk, "a part");
  lab_http_stream_write(req, &chunk);
  lab_http_stream_end(req);
}

static void answer_request(lab_http_request *req, void *arg) {
  harness *h = arg;
  read_request(req);
  if (h->mode == AT_ONCE) {
    lab_http_respond(req, 200, "text/plain", NULL, "hello", 5);
  } else if (h->mode == STREAM) {
    answer_in_parts(req);
  } else {
    LAB_ASSERT(!h->late); /* one at a time */
    h->late = req;
    if (h->mode == HELD)
      lab_http_hold(req);
    if (h->mode == WATCHED)
      lab_http_on_gone(req, forget_late_request, h);
  }
}

static void answer_late(void) {
  lab_http_request *req = h.late;
  if (!req)
    return;
  h.late = NULL;
  lab_http_error(req, 404, "404 page not found");
  if (h.mode == HELD) {
    read_request(req);
    lab_http_release(req);
  }
}

static void turn_loop(int fd) {
  char out[4096];
  uv_run(&loop, UV_RUN_NOWAIT);
  ssize_t n = read(fd, out, sizeof out);
  if (n >= 7 && !h.answered)
    LAB_ASSERT(memcmp(out, "HTTP/1.", 7) == 0);
  h.answered |= n > 0;
  h.over |= n == 0 || (n < 0 && errno != EAGAIN);
  answer_late();
}

static void send_input(int fd, const uint8_t *data, size_t size, size_t step) {
  while (size > 0) {
    size_t piece = size < step ? size : step;
    ssize_t n = write(fd, data, piece);
    if (n > 0) {
      data += n;
      size -= (size_t)n;
    } else if (n < 0 && errno != EAGAIN) {
      break; /* the server has closed the connection */
    }
    turn_loop(fd);
  }
  shutdown(fd, SHUT_WR);
  for (int i = 0; i < 8 && !h.over; i++)
    turn_loop(fd);
}

static void count_handle(uv_handle_t *handle, void *count) {
  (void)handle;
  ++*(int *)count;
}

static int count_handles(void) {
  int n = 0;
  uv_walk(&loop, count_handle, &n);
  return n;
}

int LLVMFuzzerInitialize(int *argc, char ***argv) {
  lab_http_config config;
  (void)argc;
  (void)argv;
  lab_http_config_init(&config);
  config.max_header_bytes = 256; /* small, to be reached */
  config.max_uri_bytes = 64;
  config.max_body_bytes = 512;
  config.on_request = answer_request;
  config.arg = &h;
  LAB_ASSERT(uv_loop_init(&loop) == 0);
  LAB_ASSERT(lab_http_server_new(&server, &loop, &config) == 0);
  uv_run(&loop, UV_RUN_NOWAIT);
  idle_handles = count_handles();
  return 0;
}

/* The client is gone: so is the connection, as soon as the loop has noticed and
 * the handler has answered. */
static void end_connection(int fd) {
  close(fd);
  for (int i = 0; i < 8 && count_handles() > idle_handles; i++) {
    uv_run(&loop, UV_RUN_NOWAIT);
    answer_late();
  }
  answer_late();
  LAB_ASSERT(count_handles() == idle_handles);
  LAB_ASSERT(!h.late);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  int fds[2];
  if (size < 2)
    return 0;
  h = (harness){.mode = data[0] % MODES};
  size_t step = data[1] ? data[1] : 65536;
  if (step < size / PIECES)
    step = size / PIECES;
  int rc = socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds);
  LAB_ASSERT(rc == 0);
  lab_http_serve_fd(server, fds[0]);
  send_input(fds[1], data + 2, size - 2, step);
  end_connection(fds[1]);
  return 0;
}
