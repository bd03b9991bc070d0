/* SPDX-License-Identifier: MIT
 * The ceiling for src/http: the least that libuv and llhttp can do.
 *
 *   bare_server PORT
 *
 * One thread, one fixed answer ("hello world", with a Date that never changes),
 * no limits, no time-outs, nothing remembered of a request, a read buffer of
 * its own for each connection, and one write per request. What a real server
 * needs on top is what the comparison shows. */
#include <stdio.h>
#include <stdlib.h>

#include <llhttp.h>
#include <uv.h>

typedef struct client {
  uv_tcp_t tcp;
  llhttp_t parser;
  char input[16384];
} client;

static const char answer[] = "HTTP/1.1 200 OK\r\n"
                             "Content-Type: text/plain; charset=utf-8\r\n"
                             "Date: Sun, 22 Nov 2026 15:22:03 GMT\r\n"
                             "Content-Length: 11\r\n\r\n"
                             "hello world";

static int on_message_complete(llhttp_t *parser) {
  client *c = parser->data;
  uv_buf_t buf = uv_buf_init((char *)(uintptr_t)answer, sizeof answer - 1);
  /* A client that doesn't read its few bytes loses them. */
  uv_try_write((uv_stream_t *)&c->tcp, &buf, 1);
  return 0;
}

static const llhttp_settings_t settings = {
    .on_message_complete = on_message_complete,
};

static void on_alloc(uv_handle_t *handle, size_t size, uv_buf_t *buf) {
  client *c = handle->data;
  (void)size;
  *buf = uv_buf_init(c->input, sizeof c->input);
}

static void on_close(uv_handle_t *handle) {
  free(handle->data);
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf) {
  client *c = stream->data;
  if (n < 0 || (n > 0 && llhttp_execute(&c->parser, buf->base, (size_t)n)))
    uv_close((uv_handle_t *)stream, on_close);
}

static void on_connection(uv_stream_t *server, int status) {
  client *c = status == 0 ? malloc(sizeof *c) : NULL;
  if (!c)
    return;
  uv_tcp_init(server->loop, &c->tcp);
  c->tcp.data = c;
  llhttp_init(&c->parser, HTTP_REQUEST, &settings);
  c->parser.data = c;
  if (uv_accept(server, (uv_stream_t *)&c->tcp) == 0) {
    uv_tcp_nodelay(&c->tcp, 1);
    uv_read_start((uv_stream_t *)&c->tcp, on_alloc, on_read);
  } else {
    uv_close((uv_handle_t *)&c->tcp, on_close);
  }
}

int main(int argc, char **argv) {
  uv_loop_t *loop = uv_default_loop();
  struct sockaddr_in address;
  uv_tcp_t server;
  if (argc != 2) {
    fprintf(stderr, "usage: %s PORT\n", argv[0]);
    return 2;
  }
  uv_ip4_addr("127.0.0.1", atoi(argv[1]), &address);
  uv_tcp_init(loop, &server);
  int rc = uv_tcp_bind(&server, (struct sockaddr *)&address, 0);
  if (rc == 0)
    rc = uv_listen((uv_stream_t *)&server, 511, on_connection);
  if (rc < 0) {
    fprintf(stderr, "%s: %s\n", argv[1], uv_strerror(rc));
    return 1;
  }
  return uv_run(loop, UV_RUN_DEFAULT);
}
