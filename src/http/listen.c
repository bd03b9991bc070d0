/* SPDX-License-Identifier: MIT
 * See listen.h. */
#include "http/listen.h"

#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/address.h"
#include "http/admit.h"

#define BACKLOG 4096 /* the kernel may allow less */

static bool is_any_ip6_address(const struct sockaddr *address) {
  return IN6_IS_ADDR_UNSPECIFIED(
      &((const struct sockaddr_in6 *)(const void *)address)->sin6_addr);
}

static int set_socket_options(int fd, const struct sockaddr *address) {
  int on = 1;
  if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) < 0)
    return -1;
  if (address->sa_family != AF_INET6)
    return 0;
  int only6 = !is_any_ip6_address(address);
  return setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &only6, sizeof only6);
}

/* A listening socket, or negative errno. */
static int open_listening_socket(const struct sockaddr *address) {
  int fd =
      socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0)
    return -errno;
  if (set_socket_options(fd, address) < 0 ||
      bind(fd, address, lab_address_size(address)) < 0 ||
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
  return lab_address_port((struct sockaddr *)&bound);
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
  int rc = lab_http_server_add_listener(server, fd,
                                        lab_address_is_loopback(address));
  return rc < 0 ? rc : port;
}

int lab_http_listen(lab_http_server *server, const struct sockaddr *address,
                    int *port_out, lab_err *err) {
  char name[LAB_ADDRESS_TEXT];
  if (address->sa_family != AF_INET && address->sa_family != AF_INET6)
    return lab_err_set(err, -EAFNOSUPPORT, "not an IP address");
  int port = start_listening(server, address);
  if (port < 0) {
    lab_address_write(address, name);
    return lab_err_set(err, port, "%s: %s", name, uv_strerror(port));
  }
  if (port_out)
    *port_out = port;
  return 0;
}
