/* SPDX-License-Identifier: MIT
 * See listen.h. */
#include "http/listen.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "http/peer.h"
#include "http/server_internal.h"

#define BACKLOG 4096 /* the kernel may allow less */

static bool is_ip6_address(const struct sockaddr *address) {
  return address->sa_family == AF_INET6;
}

static bool is_loopback_sockaddr(const struct sockaddr *address) {
  if (is_ip6_address(address))
    return IN6_IS_ADDR_LOOPBACK(&lab_http_peer_ip6(address)->sin6_addr);
  return ntohl(lab_http_peer_ip4(address)->sin_addr.s_addr) >> 24 == 127;
}

static int set_socket_options(int fd, const struct sockaddr *address) {
  int on = 1;
  if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) < 0)
    return -1;
  if (!is_ip6_address(address))
    return 0;
  int only6 = !IN6_IS_ADDR_UNSPECIFIED(&lab_http_peer_ip6(address)->sin6_addr);
  return setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &only6, sizeof only6);
}

/* A listening socket, or negative errno. */
static int open_listening_socket(const struct sockaddr *address) {
  socklen_t len = is_ip6_address(address) ? sizeof(struct sockaddr_in6)
                                          : sizeof(struct sockaddr_in);
  int fd =
      socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0)
    return -errno;
  if (set_socket_options(fd, address) < 0 || bind(fd, address, len) < 0 ||
      listen(fd, BACKLOG) < 0) {
    int error = -errno;
    close(fd);
    return error;
  }
  return fd;
}

/* The port that FD listens on, or negative errno. */
static int find_bound_port(int fd) {
  struct sockaddr_storage bound;
  socklen_t len = sizeof bound;
  if (getsockname(fd, (struct sockaddr *)&bound, &len) < 0)
    return -errno;
  return lab_http_peer_port((struct sockaddr *)&bound);
}

/* Opens the socket and gives it to the server. Returns the port, or negative
 * errno. */
static int start_listening(lab_http_server *server,
                           const struct sockaddr *address) {
  int fd = open_listening_socket(address);
  if (fd < 0)
    return fd;
  int port = find_bound_port(fd);
  if (port < 0) {
    close(fd);
    return port;
  }
  int rc =
      lab_http_server_add_listener(server, fd, is_loopback_sockaddr(address));
  return rc < 0 ? rc : port;
}

int lab_http_listen(lab_http_server *server, const struct sockaddr *address,
                    int *port_out, lab_err *err) {
  char name[LAB_HTTP_PEER_TEXT];
  if (address->sa_family != AF_INET && address->sa_family != AF_INET6)
    return lab_err_set(err, -EAFNOSUPPORT, "not an IP address");
  int port = start_listening(server, address);
  if (port < 0) {
    lab_http_peer_write(address, name);
    return lab_err_set(err, port, "%s: %s", name, uv_strerror(port));
  }
  if (port_out)
    *port_out = port;
  return 0;
}
