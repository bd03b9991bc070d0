/* SPDX-License-Identifier: MIT
 * Listening, and the day when descriptors or connections run out. Each test
 * runs in a child process, since it may change limits. */
#include "http/admit.h"
#include "http/room.h"
#include "http/server_internal.h"
#include "http_fixture.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>

static struct sockaddr_in local_address(int port) {
  struct sockaddr_in a;
  uv_ip4_addr("127.0.0.1", port, &a);
  return a;
}

static void set_buffer(int fd, int option) {
  int bytes = 4096;
  assert_int_equal(setsockopt(fd, SOL_SOCKET, option, &bytes, sizeof bytes), 0);
}

/* A client by TCP, whose kernel takes little; -1 if the process has no
 * descriptor left. */
static int dial(int port) {
  struct sockaddr_in a = local_address(port);
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0)
    return -1;
  set_buffer(fd, SO_RCVBUF);
  assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof a), 0);
  fcntl(fd, F_SETFL, O_NONBLOCK);
  return fd;
}

static void in_a_child(void (*test)(void)) {
  pid_t pid = fork();
  assert_true(pid >= 0);
  if (pid == 0) {
    test();
    _exit(0); /* a failed assertion jumps over this, and main returns 1 */
  }
  int status = -1;
  waitpid(pid, &status, 0);
  assert_true(WIFEXITED(status));
  assert_int_equal(WEXITSTATUS(status), 0);
}

static void set_fd_limit(rlim_t n) {
  struct rlimit limit;
  getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = n < limit.rlim_max ? n : limit.rlim_max;
  assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

static void listens_on_several_addresses(void **state) {
  fixture f;
  lab_err err;
  char wanted[100];
  (void)state;
  fixture_open(&f);
  int first = fixture_listen(&f), second = fixture_listen(&f);
  assert_int_not_equal(first, second);
  struct sockaddr_in taken = local_address(first);
  int port = 7;
  assert_int_equal(
      lab_http_listen(f.server, (struct sockaddr *)&taken, &port, &err),
      -EADDRINUSE);
  snprintf(wanted, sizeof wanted, "127.0.0.1:%d: address already in use",
           first);
  assert_string_equal(err.text, wanted);
  assert_int_equal(port, 7);
  int ports[] = {first, second};
  for (int i = 0; i < 2; i++) {
    int fd = dial(ports[i]);
    fixture_hold(&f, fd);
    assert_true(lab_http_is_loopback(f.held));
    lab_http_error(f.held, 503, "busy");
    f.held = NULL;
    expect_text(&f, fd,
                "HTTP/1.1 503 Service Unavailable\r\n"
                "X-Content-Type-Options: nosniff\r\n"
                "Content-Type: text/plain; charset=utf-8\r\n"
                "Content-Length: 5\r\n\r\nbusy\n");
    close(fd);
  }
  fixture_close(&f);
}

static void names_ip6_addresses(void **state) {
  fixture f;
  lab_err err;
  struct sockaddr_in6 a;
  (void)state;
  fixture_open(&f);
  uv_ip6_addr("2001:db8::1", 6060, &a); /* for documentation: nobody's */
  assert_true(lab_http_listen(f.server, (struct sockaddr *)&a, NULL, &err) < 0);
  assert_memory_equal(err.text, "[2001:db8::1]:6060: ", 20);
  fixture_close(&f);
}

static void wildcard_is_not_loopback(void **state) {
  fixture f;
  struct sockaddr_in a;
  int port;
  (void)state;
  fixture_open(&f);
  uv_ip4_addr("0.0.0.0", 0, &a);
  assert_int_equal(
      lab_http_listen(f.server, (struct sockaddr *)&a, &port, NULL), 0);
  int fd = dial(port);
  fixture_hold(&f, fd);
  assert_false(lab_http_is_loopback(f.held));
  lab_http_error(f.held, 503, "busy");
  close(fd);
  fixture_close(&f);
}

static void full_server_closes_the_longest_idle(void **state) {
  fixture f;
  (void)state;
  fixture_init(&f);
  f.config.max_connections = 2;
  f.config.reserve = 0;
  fixture_start(&f);
  int port = fixture_listen(&f);
  int oldest = dial(port), busy = dial(port);
  send_text(&f, oldest, GET);
  expect_text(&f, oldest, HELLO);
  fixture_hold(&f, busy);
  int third = dial(port);
  expect_close(&f, oldest);
  send_text(&f, third, GET);
  expect_text(&f, third, HELLO);
  lab_http_request *first = f.held;
  fixture_hold(&f, third);
  /* Nobody is idle now: the next one waits until somebody is. */
  int fourth = dial(port);
  assert_int_equal(write(fourth, GET, sizeof GET - 1), sizeof GET - 1);
  for (int i = 0; i < 20; i++)
    fixture_turn(&f);
  assert_int_equal(lab_http_connections(f.server), 2);
  lab_http_error(first, 404, "no");
  expect_text(&f, fourth, HELLO);
  lab_http_error(f.held, 404, "no");
  close(busy);
  close(third);
  close(fourth);
  fixture_close(&f);
}

/* Who makes room: whoever has let the server wait for longest, as long as no
 * handler works for it. */
static void clients_that_do_nothing_give_way(void **state) {
  fixture f;
  (void)state;
  fixture_init(&f);
  f.config.max_connections = 12;
  f.config.reserve = 0;
  fixture_start(&f);
  int port = fixture_listen(&f), half[11];
  int busy = dial(port);
  fixture_hold(&f, busy);
  for (int i = 0; i < 11; i++) {
    static const char *const begun[] = {
        "", "GET / HT", "GET / HTTP/1.1\r\nHost: a\r\nX:",
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nabc"};
    half[i] = dial(port);
    send_text(&f, half[i], begun[i % 4]);
    fixture_until(&f, lab_http_connections(f.server) == 2u + (unsigned)i);
  }
  for (int i = 0; i < 11; i++) {
    int next = dial(port);
    send_text(&f, next, GET);
    expect_text(&f, next, HELLO);
    expect_close(&f, half[i]);
    close(next);
    fixture_until(&f, lab_http_connections(f.server) == 11);
    half[i] = dial(port); /* silent again, and now the youngest */
    fixture_until(&f, lab_http_connections(f.server) == 12);
  }
  lab_http_error(f.held, 404, "no");
  for (int i = 0; i < 11; i++)
    close(half[i]);
  close(busy);
  fixture_close(&f);
}

/* A request that came, but was not read yet, isn't silence. */
static void unread_bytes_keep_their_place(void **state) {
  fixture f;
  (void)state;
  fixture_open(&f);
  int port = fixture_listen(&f), clients[10];
  for (int i = 0; i < 10; i++) {
    clients[i] = dial(port);
    fixture_until(&f, lab_http_connections(f.server) == 1u + (unsigned)i);
  }
  assert_int_equal(write(clients[0], GET, strlen(GET)), (int)strlen(GET));
  /* The loop has not turned. */
  assert_true(lab_http_make_room(f.server, LAB_HTTP_PATIENT));
  expect_close(&f, clients[1]);
  expect_text(&f, clients[0], HELLO);
  for (int i = 0; i < 10; i++)
    close(clients[i]);
  fixture_close(&f);
}

/* Listens with sockets that keep little themselves: how much a kernel keeps of
 * an answer differs from machine to machine, up to all of it. */
static int listen_with_small_buffers(fixture *f) {
  struct sockaddr_in a = local_address(0);
  socklen_t len = sizeof a;
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  set_buffer(fd, SO_SNDBUF);
  assert_int_equal(bind(fd, (struct sockaddr *)&a, len), 0);
  assert_int_equal(listen(fd, 16), 0);
  assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &len), 0);
  assert_int_equal(lab_http_server_add_listener(f->server, fd, true), 0);
  return ntohs(a.sin_port);
}

/* An answer that is not taken gives way to descriptors and to memory. */
static void clients_that_take_nothing_give_way(void **state) {
  fixture f;
  (void)state;
  fixture_init(&f);
  f.config.max_kept_bytes = 2 << 20;
  fixture_start(&f);
  int port = listen_with_small_buffers(&f), slow[8];
  for (int i = 0; i < 8; i++) {
    slow[i] = dial(port);
    send_text(&f, slow[i], "GET /big HTTP/1.1\r\nHost: a\r\n\r\n");
    fixture_until(&f, f.requests == 1u + (unsigned)i);
    assert_true(f.server->kept > f.config.max_kept_bytes);
  }
  /* Newer releases of libuv end a connection a turn after its timer. */
  fixture_until(&f, lab_http_connections(f.server) == 0);
  assert_true(f.server->kept <= f.config.max_kept_bytes);
  int next = dial(port);
  send_text(&f, next, GET);
  expect_text(&f, next, HELLO);
  close(next);
  for (int i = 0; i < 8; i++)
    close(slow[i]);
  fixture_close(&f);
}

/* But nobody gives way to memory who keeps none. */
static void new_clients_keep_no_memory(void **state) {
  fixture f;
  (void)state;
  fixture_init(&f);
  f.config.max_kept_bytes = 1 << 20;
  fixture_start(&f);
  int port = listen_with_small_buffers(&f), slow = dial(port), fds[8];
  for (int i = 0; i < 8; i++)
    fds[i] = dial(port);
  send_text(&f, slow, "GET /big HTTP/1.1\r\nHost: a\r\n\r\n");
  fixture_until(&f, f.server->kept > f.config.max_kept_bytes);
  for (int i = 0; i < 8; i++) {
    send_text(&f, fds[i], GET);
    expect_text(&f, fds[i], HELLO);
    close(fds[i]);
  }
  close(slow);
  fixture_close(&f);
}

/* Bodies that never end are not kept without a limit. */
static void half_bodies_give_way_to_memory(void **state) {
  static char body[50000];
  fixture f;
  (void)state;
  fixture_init(&f);
  f.config.max_kept_bytes = 4 * 65536;
  fixture_start(&f);
  int port = fixture_listen(&f), half[8];
  memset(body, 'x', sizeof body);
  for (int i = 0; i < 8; i++) {
    half[i] = dial(port);
    send_text(&f, half[i],
              "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 60000\r\n\r\n");
    send_bytes(&f, half[i], body, sizeof body);
  }
  expect_close(&f, half[0]);
  assert_true(f.server->kept <= f.config.max_kept_bytes);
  assert_true(lab_http_connections(f.server) >= 2);
  for (int i = 1; i < 8; i++)
    close(half[i]);
  fixture_close(&f);
}

/* Loop turns that found something to do while nothing can be accepted. */
static unsigned busy_turns(fixture *f, unsigned turns) {
  unsigned busy = 0;
  for (unsigned i = 0; i < turns; i++) {
    uint64_t before = lab_clock_mono();
    uv_run(&f->loop, UV_RUN_ONCE);
    busy += lab_clock_mono() - before < LAB_MILLISECOND;
  }
  return busy;
}

#define BUSY_CLIENTS 8 /* more than the descriptors kept in reserve */

/* Clients connect first; then every descriptor that is left is used up. */
static void without_descriptors(void) {
  fixture f;
  int fds[BUSY_CLIENTS], fill[64], filled = 0;
  set_fd_limit(64);
  fixture_open(&f);
  int port = fixture_listen(&f);
  for (int i = 0; i < BUSY_CLIENTS; i++) {
    fds[i] = dial(port);
    assert_int_equal(write(fds[i], GET_HOLD, sizeof GET_HOLD - 1),
                     sizeof GET_HOLD - 1);
  }
  while ((fill[filled] = dup(0)) >= 0)
    filled++;
  assert_int_equal(errno, EMFILE);
  /* The reserve serves some; the others wait, without spinning. */
  fixture_until(&f, f.requests >= 4);
  for (int i = 0; i < 20; i++)
    fixture_turn(&f);
  assert_int_equal(f.requests, 4);
  assert_int_equal(lab_http_connections(f.server), 4);
  assert_true(busy_turns(&f, 6) < 6);
  /* One is answered, and closed, so that the next gets its turn. */
  for (unsigned n = 5; n <= BUSY_CLIENTS; n++) {
    lab_http_respond(f.held, 200, NULL, NULL, "", 0);
    fixture_until(&f, f.requests == n);
  }
  /* With descriptors again, connections are kept as always. */
  while (filled > 0)
    close(fill[--filled]);
  int fd = dial(port);
  send_text(&f, fd, GET);
  expect_text(&f, fd, HELLO);
  send_text(&f, fd, GET);
  expect_text(&f, fd, HELLO);
  close(fd);
  for (int i = 0; i < BUSY_CLIENTS; i++)
    close(fds[i]);
  fixture_close(&f);
}

static void survives_without_descriptors(void **state) {
  (void)state;
  in_a_child(without_descriptors);
}

/* libuv can't poll a descriptor of this kind. It is closed all the same. */
static void refuses_what_can_not_be_polled(void **state) {
  fixture f;
  (void)state;
  fixture_open(&f);
  int fd = open("/dev/null", O_RDWR | O_CLOEXEC);
  assert_true(fd >= 0);
  assert_int_equal(lab_http_server_add_listener(f.server, fd, true), -EPERM);
  assert_int_equal(fcntl(fd, F_GETFD), -1);
  int port = fixture_listen(&f); /* the server goes on as before */
  fd = dial(port);
  send_text(&f, fd, GET);
  expect_text(&f, fd, HELLO);
  close(fd);
  fixture_close(&f);
}

static size_t resident_bytes(void) {
  unsigned long pages = 0;
  FILE *file = fopen("/proc/self/statm", "r");
  assert_non_null(file);
  assert_int_equal(fscanf(file, "%*u %lu", &pages), 1);
  fclose(file);
  return pages * (size_t)sysconf(_SC_PAGESIZE);
}

#define IDLE_MAX 10000

/* The clients live in this process as well, which the server is charged for. */
static void many_idle(void) {
  static int fds[IDLE_MAX];
  fixture f;
  struct rlimit limit;
  set_fd_limit(2 * IDLE_MAX + 300);
  getrlimit(RLIMIT_NOFILE, &limit);
  /* The server keeps some for the application, libuv and others have some. */
  int count = (int)(limit.rlim_cur - 300) / 2;
  count = count < IDLE_MAX ? count : IDLE_MAX;
  fixture_open(&f);
  int port = fixture_listen(&f);
  fds[0] = dial(port);
  send_text(&f, fds[0], GET);
  expect_text(&f, fds[0], HELLO);
  size_t before = resident_bytes();
  for (int i = 1; i < count; i++) {
    fds[i] = dial(port);
    send_text(&f, fds[i], GET);
    expect_text(&f, fds[i], HELLO);
  }
  assert_int_equal(lab_http_connections(f.server), count);
  /* What other parts gave back meanwhile may be more. */
  long each = ((long)resident_bytes() - (long)before) / count;
  printf("%d idle connections, %ld bytes each\n", count, each);
  fflush(stdout);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
  assert_true(each < 2048);
#endif
  for (int i = 0; i < count; i++)
    close(fds[i]);
  fixture_until(&f, lab_http_connections(f.server) == 0);
  fixture_close(&f);
}

static void idle_connections_are_cheap(void **state) {
  (void)state;
  in_a_child(many_idle);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(listens_on_several_addresses),
      cmocka_unit_test(names_ip6_addresses),
      cmocka_unit_test(wildcard_is_not_loopback),
      cmocka_unit_test(full_server_closes_the_longest_idle),
      cmocka_unit_test(clients_that_do_nothing_give_way),
      cmocka_unit_test(unread_bytes_keep_their_place),
      cmocka_unit_test(clients_that_take_nothing_give_way),
      cmocka_unit_test(new_clients_keep_no_memory),
      cmocka_unit_test(half_bodies_give_way_to_memory),
      cmocka_unit_test(survives_without_descriptors),
      cmocka_unit_test(refuses_what_can_not_be_polled),
      cmocka_unit_test(idle_connections_are_cheap),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
