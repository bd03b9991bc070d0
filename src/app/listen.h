/* SPDX-License-Identifier: MIT
 * From the text of an address to listening sockets. */
#ifndef LAB_APP_LISTEN_H
#define LAB_APP_LISTEN_H

#include <stdbool.h>

#include "web/web.h"

enum { LAB_LISTEN_NAME = 300 };

/* Whether TEXT is HOST:PORT, [::1]:PORT or :PORT. That is what the functions
 * below call an ADDRESS. */
bool lab_listen_is_address(const char *text);

/* Listens where ADDRESS says. :PORT stands for all addresses of the machine,
 * localhost:PORT for 127.0.0.1 and, where there is one, ::1, with one port for
 * both. NAME is what to tell the user: ADDRESS itself, or the address and the
 * port that was taken if ADDRESS asks for port 0. *PORT is the port. Blocks
 * while it looks a name up. */
int lab_listen(lab_web *web, const char *address, char name[LAB_LISTEN_NAME],
               int *port, lab_err *err);

/* The host in ADDRESS without brackets: "" if there is none. */
void lab_listen_host(const char *address, char host[LAB_LISTEN_NAME]);

#endif
