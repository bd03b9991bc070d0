/* SPDX-License-Identifier: MIT
 * Which connections wait for their clients, and which of them gives way when
 * descriptors, connections or memory run out. For the files of this folder.
 *
 * Every connection is in one list of its server. The lists say whose turn it
 * is: the client's (it has to send, or to take) or the handler's. A connection
 * whose client has to do something may be closed to make room: the one that has
 * waited for longest goes first. A request in work is never closed for that. */
#ifndef LAB_HTTP_ROOM_H
#define LAB_HTTP_ROOM_H

#include <stdbool.h>
#include <stdint.h>

#include "http/server.h"

struct lab_http_conn;
struct lab_http_listener;

/* In all lists, the longest in the list is first. */
typedef enum lab_http_turn {
  LAB_HTTP_PARKED, /* between two requests */
  LAB_HTTP_ASKING, /* the client has not sent a whole request */
  LAB_HTTP_TAKING, /* the client has not taken all of its answer, or has not
                      closed after it */
  LAB_HTTP_BUSY,   /* the handler works on a request */
  LAB_HTTP_SPARE,  /* the same, and the connection is out of the reserve */
  LAB_HTTP_TURNS
} lab_http_turn;

/* Puts C into the list that its state belongs to, and counts the memory that it
 * keeps. A connection that stays in its list keeps its place. */
void lab_http_enlist(struct lab_http_conn *c);

/* C is new: it waits for its first request. */
void lab_http_await_request(struct lab_http_conn *c);

/* Takes C out of its list. */
void lab_http_delist(struct lab_http_conn *c);

/* Who has no moment any more before it gives way, because clients of a listener
 * have waited. */
typedef enum lab_http_pressure {
  LAB_HTTP_PATIENT,         /* nobody */
  LAB_HTTP_PRESSED_RESERVE, /* work in the reserve: for LAB_HTTP_PRESS_MS there
                               was always somebody who waited */
  LAB_HTTP_PRESSED_ALL      /* new clients that have sent nothing, too: for as
                               long nobody got an ordinary place otherwise */
} lab_http_pressure;

lab_http_pressure lab_http_find_pressure(const struct lab_http_listener *l);

/* Closes the connection that has waited for its client for longest. False if
 * there is none. */
bool lab_http_make_room(lab_http_server *server, lab_http_pressure pressure);

/* Refuses the oldest request of the reserve that is not done in a moment and
 * may be given up, and closes its connection. False if there is none. */
bool lab_http_make_reserve(lab_http_server *server, lab_http_pressure pressure);

/* Closes connections that wait for their clients, until what is kept for them
 * fits into config.max_kept_bytes. Those whose clients take their answers,
 * though slowly, are spared; and those who have not sent a whole request, while
 * such requests have no more than half of these bytes. */
void lab_http_trim_memory(lab_http_server *server);

/* Whether requests in work may hold N bytes more that are no scenario's: those
 * connections don't give way, so there is a limit beforehand. */
bool lab_http_may_hold(const lab_http_server *server, size_t n);

/* Whether the next client needs somebody to give way. There are two reasons:
 * config.max_connections, and the limit of descriptors. Of these, connections
 * may take so many that some are left for the application, and for the files
 * that the lab itself reads. */
bool lab_http_is_crowded(const lab_http_server *server);

/* Makes room for one more connection, as far as clients can give way. False if
 * there is no place. *RESERVED: whether it has to be one of the reserve. */
bool lab_http_find_place(lab_http_server *server, lab_http_pressure pressure,
                         bool *reserved);

/* A client got the descriptor FD: learns from its number how many connections
 * are too many. May set *RESERVED. True if FD is one too many; the connection
 * must keep that in conn.high. */
bool lab_http_count_crowd(lab_http_server *server, int fd,
                          lab_http_pressure pressure, bool *reserved);

/* Descriptors may have become free since the crowd was counted: counts the free
 * numbers below. If there are many, there is no crowd. */
void lab_http_recount_crowd(lab_http_server *server);

#endif
