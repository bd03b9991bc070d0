/* SPDX-License-Identifier: MIT
 * From --listen to listening sockets. */
#ifndef LAB_APP_LISTEN_H
#define LAB_APP_LISTEN_H

#include "web/web.h"

enum { LAB_LISTEN_NAME = 300 };

/* Listens where ADDRESS says: HOST:PORT, [::1]:PORT, :PORT (all addresses),
 * localhost:PORT (127.0.0.1, and ::1 where there is one, both on one port).
 * NAME is what to tell the user: ADDRESS itself, or the address and the port
 * taken if ADDRESS asks for port 0. *PORT is the port. Blocks while it looks a
 * name up. */
int lab_listen(lab_web *web, const char *address, char name[LAB_LISTEN_NAME],
               int *port, lab_err *err);

/* The host in ADDRESS without brackets: "" if there is none. */
void lab_listen_host(const char *address, char host[LAB_LISTEN_NAME]);

#endif
