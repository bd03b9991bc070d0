/* SPDX-License-Identifier: MIT
 * Addresses of scenarios' servers, as texts. Pure functions; any thread. */
#ifndef LAB_SERVICES_ADDRESS_H
#define LAB_SERVICES_ADDRESS_H

#include <netinet/in.h>
#include <stddef.h>
#include <sys/socket.h>

typedef union lab_serve_address {
  struct sockaddr any;
  struct sockaddr_in ip4;
  struct sockaddr_in6 ip6;
} lab_serve_address;

/* Reads "1.2.3.4:80", "[::1]:80", "localhost:80", or ":80", which is
 * 127.0.0.1. Other names are not looked up. 0, -EINVAL, or -ERANGE: what should
 * be the port is none. */
int lab_serve_address_parse(const char *text, lab_serve_address *out);
/* Writes ADDRESS with PORT into OUT, at most SIZE bytes. */
void lab_serve_address_write(const lab_serve_address *address, int port,
                             char *out, size_t size);

#endif
