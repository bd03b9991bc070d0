/* SPDX-License-Identifier: MIT
 * Addresses of sockets, as text: "127.0.0.1:6060" and "[::1]:6060". Pure: any
 * thread. */
#ifndef LAB_HTTP_PEER_H
#define LAB_HTTP_PEER_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>

enum { LAB_HTTP_PEER_TEXT = INET6_ADDRSTRLEN + 16 };

/* Room for the address of an IP socket. */
typedef union lab_http_peer {
  struct sockaddr any; /* its family: 0 if it isn't known */
  struct sockaddr_in ip4;
  struct sockaddr_in6 ip6;
} lab_http_peer;

const struct sockaddr_in *lab_http_peer_ip4(const struct sockaddr *address);
const struct sockaddr_in6 *lab_http_peer_ip6(const struct sockaddr *address);
int lab_http_peer_port(const struct sockaddr *address);
/* An IPv4 client of an IPv6 socket is written as an IPv4 address, and one whose
 * address isn't known, or has no number, as "@", both as in Go. */
void lab_http_peer_write(const struct sockaddr *address,
                         char out[LAB_HTTP_PEER_TEXT]);

#endif
