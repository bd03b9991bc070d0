/* SPDX-License-Identifier: MIT
 * The whole HTTP server in one include. Read server.h, request.h, response.h
 * and guard.h, in this order. The client is separate: see client.h.
 *
 * The files of this folder, in order. A file calls the files below it:
 *
 *   guard.c                 refuses what other people's web pages ask for
 *   listen.c                opens the sockets that listen
 *   server.c                its beginning and end, time-outs
 *   admit.c                 accepts connections, or has them wait
 *   room.c                  which connection gives way to others
 *   lane.c                  which connection is read next, of many that send
 *   response.c, stream.c    how the handler answers a request
 *   head.c                  the status line and headers of an answer
 *   conn.c                  one connection: the state machine
 *   parse.c                 bytes -> request, by llhttp
 *   write.c                 the output of a connection
 *   origin.c                pages of other origins that may read answers
 *   accept.c                what a client takes, and has
 *   query.c                 values in queries and forms
 *   peer.c                  addresses of clients as text
 *   request.c               a request's memory, and reading it
 *   status.c                names of statuses
 *
 *   client.c                sends one request to another server
 *   pool.c                  connections that are kept for the next request
 *   lookup.c                finds the addresses of a host
 *   dial.c                  who may connect now
 *   wire.c                  one connection to a server
 *   answer.c                bytes -> answer, by llhttp
 *   url.c                   splits a URL
 *
 * Only these calls go up:
 *   write.c -> conn.c       lab_http_conn_advance, at the end of uncork
 *   write.c -> conn.c       lab_http_conn_written, when a write is done
 *   conn.c, parse.c -> room.c, lane.c     which list a connection is in, and
 *                           whether there is memory
 *   conn.c -> server.c      lab_http_server_conn_closed, and _conn_answered
 *   admit.c -> server.c     lab_http_server_handle_closed, and _hasten_sweep */
#ifndef LAB_HTTP_HTTP_H
#define LAB_HTTP_HTTP_H

#include "http/accept.h"
#include "http/guard.h"
#include "http/listen.h"
#include "http/origin.h"
#include "http/query.h"
#include "http/request.h"
#include "http/response.h"
#include "http/server.h"
#include "http/status.h"
#include "http/stream.h"

#endif
