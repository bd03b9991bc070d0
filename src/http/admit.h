/* SPDX-License-Identifier: MIT
 * Who comes in, and who waits. For the files of this folder.
 *
 * The server polls its listening sockets and calls accept itself, instead of
 * using uv_listen. The reason is a lesson of this lab in which the process runs
 * out of file descriptors: libuv would then accept and close every client. This
 * server does three things instead. It closes connections that wait for their
 * clients. It uses descriptors kept in reserve, so that students can still look
 * at the leak. When there is nothing left it stops polling, so that it neither
 * spins nor turns clients away.
 *
 * What gives way when there is too little is said in server.h; room.c does
 * it. */
#ifndef LAB_HTTP_ADMIT_H
#define LAB_HTTP_ADMIT_H

#include <stdbool.h>

#include "http/server.h"

/* Opens the descriptors that are kept in reserve and are missing, as far as
 * that's possible; and closes them all. */
void lab_http_refill_reserve(lab_http_server *server);
void lab_http_free_reserve(lab_http_server *server);

/* Whether clients are accepted. One that drains accepts nobody any more. */
void lab_http_set_accepting(lab_http_server *server, bool want);

/* Accepts clients from the listening socket FD, and takes FD, even on failure.
 * 0 or negative errno. */
int lab_http_server_add_listener(lab_http_server *server, int fd,
                                 bool loopback);
void lab_http_close_listeners(lab_http_server *server);

#endif
