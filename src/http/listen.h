/* SPDX-License-Identifier: MIT
 * The addresses that a server listens on.
 *
 * Threads: the server's only. */
#ifndef LAB_HTTP_LISTEN_H
#define LAB_HTTP_LISTEN_H

#include <sys/socket.h>

#include "base/err.h"
#include "http/server.h"

/* Listens on one more address (AF_INET or AF_INET6; port 0: any free port). The
 * IPv6 address "::" takes IPv4 clients too, as Go's ":6060" does. *PORT_OUT is
 * the port; PORT_OUT may be NULL. 0 or negative errno; the error's text names
 * the address: "127.0.0.1:6060: address already in use". */
int lab_http_listen(lab_http_server *server, const struct sockaddr *address,
                    int *port_out, lab_err *err);

#endif
