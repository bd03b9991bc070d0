/* SPDX-License-Identifier: MIT
 * See address.h. */
#include "services/address.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <uv.h>

#include "http/url.h"

enum { HOST_MAX = 63 };

/* The last colon divides host and port. */
int lab_serve_address_parse(const char *text, lab_serve_address *out) {
  char host[HOST_MAX + 1];
  const char *colon = strrchr(text, ':');
  if (!colon || colon - text > HOST_MAX)
    return -EINVAL;
  int port = lab_http_parse_port(colon + 1, strlen(colon + 1));
  if (port < 0)
    return -ERANGE;
  size_t len = (size_t)(colon - text);
  bool is_ip6 = len >= 2 && text[0] == '[' && colon[-1] == ']';
  snprintf(host, sizeof host, "%.*s", (int)(is_ip6 ? len - 2 : len),
           is_ip6 ? text + 1 : text);
  if (is_ip6)
    return uv_ip6_addr(host, port, &out->ip6);
  bool is_local = len == 0 || strcasecmp(host, "localhost") == 0;
  return uv_ip4_addr(is_local ? "127.0.0.1" : host, port, &out->ip4);
}

void lab_serve_address_write(const lab_serve_address *address, int port,
                             char *out, size_t size) {
  char host[INET6_ADDRSTRLEN] = "?";
  bool is_ip6 = address->any.sa_family == AF_INET6;
  if (is_ip6)
    uv_ip6_name(&address->ip6, host, sizeof host);
  else
    uv_ip4_name(&address->ip4, host, sizeof host);
  snprintf(out, size, is_ip6 ? "[%s]:%d" : "%s:%d", host, port);
}
