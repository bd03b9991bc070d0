/* SPDX-License-Identifier: MIT
 * IP addresses with a port, as texts. Pure functions; any thread. */
#ifndef LAB_BASE_ADDRESS_H
#define LAB_BASE_ADDRESS_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>

typedef union lab_address {
  struct sockaddr any;
  struct sockaddr_in ip4;
  struct sockaddr_in6 ip6;
} lab_address;

enum { LAB_ADDRESS_TEXT = INET6_ADDRSTRLEN + 9 }; /* "[...]:65535", and the 0 */

/* Reads "1.2.3.4:80", "[::1]:80", "localhost:80", or ":80", which is
 * 127.0.0.1. Other names are not looked up. NULL, or what is wrong with it. */
const char *lab_address_parse(const char *text, lab_address *out);
/* Writes "1.2.3.4:80" or "[::1]:80" into OUT. ADDRESS: AF_INET or AF_INET6. */
void lab_address_write(const struct sockaddr *address,
                       char out[LAB_ADDRESS_TEXT]);

int lab_address_port(const struct sockaddr *address);
void lab_address_set_port(lab_address *address, int port);
/* Whether only this machine can reach it: 127.x.y.z or ::1. */
bool lab_address_is_loopback(const struct sockaddr *address);
/* What a scenario is told of others, with EACCES. */
#define LAB_ADDRESS_NOT_LOOPBACK                                               \
  "only loopback addresses are possible, such as 127.0.0.1:8080"
/* For the kernel, which wants to be told. */
socklen_t lab_address_size(const struct sockaddr *address);

/* The port, 0 to 65535, that TEXT is: LEN digits, at most five, and nothing
 * else. -1 if it is none. (strtol and getaddrinfo also take signs, spaces, and
 * numbers of which they drop the upper bits.) */
int lab_port_parse(const char *text, size_t len);

#endif
