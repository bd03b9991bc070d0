/* SPDX-License-Identifier: MIT
 * See address.h. */
#include "base/address.h"

#include <arpa/inet.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

enum { HOST_MAX = 63, PORT_DIGITS = 5, PORT_MAX = 65535 };

static const struct sockaddr_in *cast_to_ip4(const struct sockaddr *address) {
  return (const struct sockaddr_in *)(const void *)address;
}

static const struct sockaddr_in6 *cast_to_ip6(const struct sockaddr *address) {
  return (const struct sockaddr_in6 *)(const void *)address;
}

static bool is_ip6_address(const struct sockaddr *address) {
  return address->sa_family == AF_INET6;
}

/* ---- its port ------------------------------------------------------------ */

int lab_address_port(const struct sockaddr *address) {
  return ntohs(is_ip6_address(address) ? cast_to_ip6(address)->sin6_port
                                       : cast_to_ip4(address)->sin_port);
}

void lab_address_set_port(lab_address *address, int port) {
  if (is_ip6_address(&address->any))
    address->ip6.sin6_port = htons((uint16_t)port);
  else
    address->ip4.sin_port = htons((uint16_t)port);
}

/* ---- from a text --------------------------------------------------------- */

int lab_port_parse(const char *text, size_t len) {
  int port = 0;
  if (len < 1 || len > PORT_DIGITS)
    return -1;
  for (size_t i = 0; i < len; i++) {
    if (text[i] < '0' || text[i] > '9')
      return -1;
    port = port * 10 + (text[i] - '0');
  }
  return port <= PORT_MAX ? port : -1;
}

static bool parse_ip6(const char *host, int port, lab_address *out) {
  out->ip6.sin6_family = AF_INET6;
  lab_address_set_port(out, port);
  return inet_pton(AF_INET6, host, &out->ip6.sin6_addr) == 1;
}

static bool parse_ip4(const char *host, int port, lab_address *out) {
  bool is_local = !*host || strcasecmp(host, "localhost") == 0;
  out->ip4.sin_family = AF_INET;
  lab_address_set_port(out, port);
  return inet_pton(AF_INET, is_local ? "127.0.0.1" : host,
                   &out->ip4.sin_addr) == 1;
}

/* The last colon divides host and port. */
const char *lab_address_parse(const char *text, lab_address *out) {
  char host[HOST_MAX + 1];
  const char *colon = strrchr(text, ':');
  static const char malformed[] = "address must be like 127.0.0.1:8080";
  if (!colon || colon - text > HOST_MAX)
    return malformed;
  int port = lab_port_parse(colon + 1, strlen(colon + 1));
  if (port < 0)
    return "the port must be a number from 0 to 65535";
  size_t len = (size_t)(colon - text);
  bool is_ip6 = len >= 2 && text[0] == '[' && colon[-1] == ']';
  snprintf(host, sizeof host, "%.*s", (int)(is_ip6 ? len - 2 : len),
           is_ip6 ? text + 1 : text);
  memset(out, 0, sizeof *out);
  bool good = is_ip6 ? parse_ip6(host, port, out) : parse_ip4(host, port, out);
  return good ? NULL : malformed;
}

/* ---- to a text ----------------------------------------------------------- */

void lab_address_write(const struct sockaddr *address,
                       char out[LAB_ADDRESS_TEXT]) {
  char host[INET6_ADDRSTRLEN] = "?";
  if (is_ip6_address(address))
    inet_ntop(AF_INET6, &cast_to_ip6(address)->sin6_addr, host, sizeof host);
  else
    inet_ntop(AF_INET, &cast_to_ip4(address)->sin_addr, host, sizeof host);
  snprintf(out, LAB_ADDRESS_TEXT, is_ip6_address(address) ? "[%s]:%d" : "%s:%d",
           host, lab_address_port(address));
}

/* ---- questions ----------------------------------------------------------- */

bool lab_address_is_loopback(const struct sockaddr *address) {
  if (is_ip6_address(address))
    return IN6_IS_ADDR_LOOPBACK(&cast_to_ip6(address)->sin6_addr);
  return ntohl(cast_to_ip4(address)->sin_addr.s_addr) >> 24 == 127;
}

socklen_t lab_address_size(const struct sockaddr *address) {
  return is_ip6_address(address) ? sizeof(struct sockaddr_in6)
                                 : sizeof(struct sockaddr_in);
}
