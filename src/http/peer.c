/* SPDX-License-Identifier: MIT
 * See peer.h. */
#include "http/peer.h"

#include <arpa/inet.h>
#include <stdio.h>

const struct sockaddr_in *lab_http_peer_ip4(const struct sockaddr *address) {
  return (const struct sockaddr_in *)(const void *)address;
}

const struct sockaddr_in6 *lab_http_peer_ip6(const struct sockaddr *address) {
  return (const struct sockaddr_in6 *)(const void *)address;
}

int lab_http_peer_port(const struct sockaddr *address) {
  return ntohs(address->sa_family == AF_INET6
                   ? lab_http_peer_ip6(address)->sin6_port
                   : lab_http_peer_ip4(address)->sin_port);
}

static void write_ip4(const void *ip, int port, char out[LAB_HTTP_PEER_TEXT]) {
  char host[INET_ADDRSTRLEN] = "?";
  inet_ntop(AF_INET, ip, host, sizeof host);
  snprintf(out, LAB_HTTP_PEER_TEXT, "%s:%d", host, port);
}

static void write_ip6(const struct in6_addr *ip, int port,
                      char out[LAB_HTTP_PEER_TEXT]) {
  char host[INET6_ADDRSTRLEN] = "?";
  inet_ntop(AF_INET6, ip, host, sizeof host);
  snprintf(out, LAB_HTTP_PEER_TEXT, "[%s]:%d", host, port);
}

void lab_http_peer_write(const struct sockaddr *address,
                         char out[LAB_HTTP_PEER_TEXT]) {
  if (address->sa_family == AF_INET) {
    write_ip4(&lab_http_peer_ip4(address)->sin_addr,
              lab_http_peer_port(address), out);
  } else if (address->sa_family == AF_INET6) {
    const struct in6_addr *ip = &lab_http_peer_ip6(address)->sin6_addr;
    if (IN6_IS_ADDR_V4MAPPED(ip))
      write_ip4(&ip->s6_addr[12], lab_http_peer_port(address), out);
    else
      write_ip6(ip, lab_http_peer_port(address), out);
  } else {
    snprintf(out, LAB_HTTP_PEER_TEXT, "@");
  }
}
