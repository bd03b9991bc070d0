/* SPDX-License-Identifier: MIT
 * See socket.h. */
#include "prim/socket.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <string.h>
#include <unistd.h>

static bool would_wait(int error) {
  return error == EAGAIN || error == EWOULDBLOCK || error == EINPROGRESS ||
         error == EALREADY;
}

/* What a call that failed returns: the negative errno. */
static int take_errno(void) {
  return would_wait(errno) ? -EAGAIN : -errno;
}

int lab_socket_open(const lab_address *address) {
  int fd = socket(address->any.sa_family,
                  SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  return fd < 0 ? -errno : fd;
}

/* ---- beginning ----------------------------------------------------------- */

/* A socket that connects to a port of its own machine where nobody listens may
 * be given that port, and so be its own peer. */
static bool is_own_peer(int fd, const lab_address *remote) {
  lab_address local;
  lab_socket_find_local(fd, &local);
  return memcmp(&local, remote, sizeof local) == 0;
}

int lab_socket_connect(int fd, const lab_address *address) {
  int rc;
  do
    rc = connect(fd, &address->any, lab_address_size(&address->any));
  while (rc < 0 && errno == EINTR);
  if (rc < 0 && errno != EISCONN)
    return take_errno();
  return is_own_peer(fd, address) ? -ECONNREFUSED : 0;
}

int lab_socket_listen(int fd, const lab_address *address, int backlog) {
  /* The last one that listened there may have connections that end still. */
  int on = 1;
  if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) < 0 ||
      bind(fd, &address->any, lab_address_size(&address->any)) < 0 ||
      listen(fd, backlog) < 0)
    return -errno;
  return 0;
}

int lab_socket_accept(int fd, lab_address *remote) {
  int client;
  memset(remote, 0, sizeof *remote);
  do { /* a client that has given up before is none */
    socklen_t size = sizeof *remote;
    client = accept4(fd, &remote->any, &size, SOCK_CLOEXEC | SOCK_NONBLOCK);
  } while (client < 0 && (errno == EINTR || errno == ECONNABORTED));
  return client < 0 ? take_errno() : client;
}

/* ---- bytes --------------------------------------------------------------- */

ssize_t lab_socket_read(int fd, void *out, size_t n) {
  ssize_t got;
  do
    got = recv(fd, out, n, 0);
  while (got < 0 && errno == EINTR);
  return got < 0 ? take_errno() : got;
}

ssize_t lab_socket_write(int fd, const void *bytes, size_t n) {
  ssize_t put;
  do
    put = send(fd, bytes, n, MSG_NOSIGNAL);
  while (put < 0 && errno == EINTR);
  return put < 0 ? take_errno() : put;
}

int lab_socket_shutdown(int fd) {
  return shutdown(fd, SHUT_WR) < 0 ? -errno : 0;
}

/* ---- about it ------------------------------------------------------------ */

int lab_socket_set_nodelay(int fd, bool on) {
  int value = on;
  if (setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &value, sizeof value) < 0)
    return -errno;
  return 0;
}

void lab_socket_find_local(int fd, lab_address *local) {
  socklen_t size = sizeof *local;
  memset(local, 0, sizeof *local);
  getsockname(fd, &local->any, &size);
}
