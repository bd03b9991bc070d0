/* SPDX-License-Identifier: MIT
 * One request: what the client sent.
 *
 * A request exists from on_request until its answer has ended (response.h), or
 * until its client is gone and the function given to lab_http_on_gone has
 * returned. Without such a function the request exists until it is answered;
 * if the client is gone by then, the answer is thrown away. lab_http_hold keeps
 * a request longer.
 *
 * Texts are pointers into the request: they are valid as long as the request
 * is, never NULL, and followed by a 0 byte.
 *
 * Threads: what on_request got never changes, so another thread may read it
 * while the request is held. The functions marked "control thread" may only be
 * called on the server's thread. */
#ifndef LAB_HTTP_REQUEST_H
#define LAB_HTTP_REQUEST_H

#include <stdbool.h>
#include <stddef.h>

#include "base/address.h"
#include "base/token.h"
#include "http/server.h"

/* LEN bytes at DATA. */
typedef struct lab_http_str {
  const char *data;
  size_t len;
} lab_http_str;

/* What may stand around a header's value, and between its words. */
static inline bool lab_http_is_blank(char c) {
  return c == ' ' || c == '\t';
}

/* "GET", "HEAD", "POST"... */
const char *lab_http_method(const lab_http_request *req);
bool lab_http_is_head(const lab_http_request *req);

/* As sent, not decoded: "/debug/pprof/heap" and "debug=1". */
lab_http_str lab_http_path(const lab_http_request *req);
lab_http_str lab_http_query(const lab_http_request *req);

/* Host and port that the client asked for. Empty if it named none, which only
 * HTTP/1.0 allows. */
lab_http_str lab_http_host(const lab_http_request *req);

/* A header's value without the white space around it; the first value if the
 * header is there several times. Upper and lower case in NAME are the same.
 * False if there is no such header; OUT is empty then. */
bool lab_http_header(const lab_http_request *req, const char *name,
                     lab_http_str *out);

/* How often the header is there. */
size_t lab_http_header_count(const lab_http_request *req, const char *name);

/* The header number I, counted from 0 in the order in which they came; false if
 * there are not so many. */
bool lab_http_header_at(const lab_http_request *req, size_t i, lab_field *out);

lab_http_str lab_http_body(const lab_http_request *req);

/* The client's address as lab_http_peer_write writes it: LAB_ADDRESS_TEXT
 * bytes at OUT. */
void lab_http_write_remote(const lab_http_request *req, char *out);

/* Whether it came in by an address that only this machine can reach. */
bool lab_http_is_loopback(const lab_http_request *req);

/* Control thread. Whether its connection is out of the reserve (server.h), so
 * that only the lab's own endpoints should be answered. */
bool lab_http_is_reserved(const lab_http_request *req);

/* Control thread. Hold keeps the request's memory (not its connection) until
 * release has been called as often as hold. */
void lab_http_hold(lab_http_request *req);
void lab_http_release(lab_http_request *req);

/* Control thread. GONE(REQ, ARG) is called if the client goes away, or closes
 * its half of the connection, before the answer has ended. GONE must not
 * answer. After it returns the request may not be touched, unless it is held; a
 * held request may still be answered, which does nothing.
 * A request without GONE is answered even if the client closed its half: that
 * is what `printf ... | nc -N` does.
 * GONE is called as soon as the client leaves. The exception is a client that
 * has sent more than 4 KiB of further requests: the server reads no more from
 * it, and so learns only from the answer's failure that the client is gone. */
void lab_http_on_gone(lab_http_request *req,
                      void (*gone)(lab_http_request *req, void *arg),
                      void *arg);

/* Control thread. True once the connection is lost. For a request that is held
 * and has been answered, the result means nothing. */
bool lab_http_is_gone(const lab_http_request *req);
/* Control thread. True also if the client has closed its half. Then it has gone
 * in most cases, as curl does after its --max-time, but it may be `nc -N`. */
bool lab_http_may_be_gone(const lab_http_request *req);

/* Any thread, of a request that isn't answered yet: the same as
 * lab_http_may_be_gone. Its connection is read from meanwhile, but for what
 * lab_http_on_gone says of clients that send ahead. */
bool lab_http_has_left(const lab_http_request *req);

/* Any thread, of a request that is held. Asked before something is done for REQ
 * that stays: from here on its connection doesn't give way to others
 * (server.h), so that nobody is told 503 of what was done. False: that was told
 * already, so it must not be done. A client that has gone by itself is no
 * matter. */
bool lab_http_commit(lab_http_request *req);

#endif
