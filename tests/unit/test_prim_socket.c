/* SPDX-License-Identifier: MIT
 * The primitives on sockets: none waits, and what each says instead. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "prim/socket.h"

static int open_listener(const char *text, lab_address *address) {
  assert_null(lab_address_parse(text, address));
  int fd = lab_socket_open(address);
  assert_true(fd >= 0);
  assert_int_equal(lab_socket_listen(fd, address, 8), 0);
  lab_socket_find_local(fd, address);
  assert_true(lab_address_port(&address->any) > 0);
  return fd;
}

static void wait_until(int fd, short events) {
  struct pollfd p = {fd, events, 0};
  assert_int_equal(poll(&p, 1, 60000), 1);
}

static int connect_to(const lab_address *address) {
  int fd = lab_socket_open(address), rc;
  assert_true(fd >= 0);
  while ((rc = lab_socket_connect(fd, address)) == -EAGAIN)
    wait_until(fd, POLLOUT);
  assert_int_equal(rc, 0);
  assert_int_equal(lab_socket_connect(fd, address), 0); /* asked again */
  return fd;
}

static bool has_nodelay(int fd) {
  int value = 0;
  socklen_t size = sizeof value;
  assert_int_equal(getsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &value, &size), 0);
  return value;
}

static void both_ends(const char *text) {
  lab_address address, remote, local;
  int listener = open_listener(text, &address);
  assert_int_equal(lab_socket_accept(listener, &remote), -EAGAIN);
  assert_int_equal(lab_socket_set_nodelay(listener, true), 0);
  int near = connect_to(&address);
  wait_until(listener, POLLIN);
  int far = lab_socket_accept(listener, &remote);
  assert_true(far >= 0);
  assert_true(fcntl(far, F_GETFD) & FD_CLOEXEC);
  lab_socket_find_local(near, &local);
  assert_memory_equal(&local, &remote, sizeof local);
  assert_true(has_nodelay(far)); /* as its listener */
  assert_false(has_nodelay(near));

  char bytes[16];
  assert_int_equal(lab_socket_read(far, bytes, sizeof bytes), -EAGAIN);
  assert_int_equal(lab_socket_write(near, "hello", 5), 5);
  wait_until(far, POLLIN);
  assert_int_equal(lab_socket_read(far, bytes, sizeof bytes), 5);
  assert_memory_equal(bytes, "hello", 5);
  assert_int_equal(lab_socket_shutdown(near), 0);
  wait_until(far, POLLIN);
  assert_int_equal(lab_socket_read(far, bytes, sizeof bytes), 0);
  assert_int_equal(lab_socket_write(near, "x", 1), -EPIPE); /* no signal */
  close(far);
  close(near);
  close(listener);
}

static void test_both_ends(void **state) {
  (void)state;
  both_ends("127.0.0.1:0");
  both_ends("[::1]:0");
}

static void test_a_peer_that_does_not_read(void **state) {
  (void)state;
  enum { SIZE = 1 << 20, MOST = 100 };
  lab_address address, remote;
  int listener = open_listener(":0", &address), n = 0;
  int near = connect_to(&address);
  wait_until(listener, POLLIN);
  int far = lab_socket_accept(listener, &remote);
  char *bytes = calloc(1, SIZE);
  assert_non_null(bytes);
  while (n < MOST && lab_socket_write(near, bytes, SIZE) > 0)
    n++;
  assert_int_equal(lab_socket_write(near, bytes, SIZE), -EAGAIN);
  close(far); /* with bytes that it hasn't read */
  wait_until(near, POLLIN);
  assert_int_equal(lab_socket_read(near, bytes, SIZE), -ECONNRESET);
  free(bytes);
  close(near);
  close(listener);
}

static void test_nobody_listens(void **state) {
  (void)state;
  lab_address address;
  int listener = open_listener(":0", &address), rc;
  int fd = lab_socket_open(&address);
  assert_int_equal(lab_socket_listen(fd, &address, 1), -EADDRINUSE);
  close(listener);
  while ((rc = lab_socket_connect(fd, &address)) == -EAGAIN)
    wait_until(fd, POLLOUT);
  assert_int_equal(rc, -ECONNREFUSED);
  assert_int_equal(lab_socket_shutdown(fd), -ENOTCONN);
  close(fd);
  assert_int_equal(lab_socket_accept(fd, &address), -EBADF);
}

/* A socket that is bound to the port it connects to becomes its own peer. */
static void test_its_own_peer(void **state) {
  (void)state;
  lab_address address;
  assert_null(lab_address_parse("127.0.0.1:0", &address));
  int fd = lab_socket_open(&address), rc;
  assert_int_equal(bind(fd, &address.any, lab_address_size(&address.any)), 0);
  lab_socket_find_local(fd, &address);
  while ((rc = lab_socket_connect(fd, &address)) == -EAGAIN)
    wait_until(fd, POLLOUT);
  assert_int_equal(rc, -ECONNREFUSED);
  close(fd);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_both_ends),
      cmocka_unit_test(test_a_peer_that_does_not_read),
      cmocka_unit_test(test_nobody_listens),
      cmocka_unit_test(test_its_own_peer),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
