/* SPDX-License-Identifier: MIT
 * One request: what the client sent.
 *
 * A request exists from on_request until its answer is ended (response.h) or
 * its client is gone and the function given to lab_http_on_gone has returned.
 * Without such a function it exists until it is answered, and the answer to a
 * client that is gone is thrown away. lab_http_hold keeps it longer.
 *
 * Texts are pointers into the request: valid as long as it is, never NULL, and
 * followed by a 0 byte.
 *
 * Threads: what on_request got never changes, so another thread may read it
 * while the request is held. Everything marked "control thread" belongs to the
 * server's thread. */
#ifndef LAB_HTTP_REQUEST_H
#define LAB_HTTP_REQUEST_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/queue.h"
#include "http/server.h"

typedef struct lab_http_str {
  const char *data;
  size_t len;
} lab_http_str;

/* "GET", "HEAD", "POST"... */
const char *lab_http_method(const lab_http_request *req);
bool lab_http_is_head(const lab_http_request *req);
/* As sent, not decoded: "/debug/pprof/heap" and "debug=1". */
lab_http_str lab_http_path(const lab_http_request *req);
lab_http_str lab_http_query(const lab_http_request *req);
/* Host and port that the client asked for; empty if it named none, which only
 * HTTP/1.0 allows. */
lab_http_str lab_http_host(const lab_http_request *req);
/* A header's value without white space around it; the first one if there are
 * several. NAME in any case. False if there is none; OUT is empty then. */
bool lab_http_header(const lab_http_request *req, const char *name,
                     lab_http_str *out);
lab_http_str lab_http_body(const lab_http_request *req);
/* 1 for HTTP/1.1, 0 for HTTP/1.0. */
int lab_http_minor_version(const lab_http_request *req);
/* Whether the client wants to go on using the connection. */
bool lab_http_keep_alive(const lab_http_request *req);
/* Whether it came in by an address that only this machine can reach. */
bool lab_http_is_loopback(const lab_http_request *req);

/* Values of a query (a=1&b=2), decoded as Go's net/url does: + is a space, %41
 * is A, and a pair that is malformed or contains a semicolon is left out.
 * Write at most SIZE bytes with the final 0 and return the length, or
 * -ENOENT, or -ENOSPC. form_get looks into a form sent as body by POST, PUT or
 * PATCH first and into the query then, as Go's FormValue. */
int lab_http_query_get(const lab_http_request *req, const char *key, char *out,
                       size_t size);
int lab_http_form_get(const lab_http_request *req, const char *key, char *out,
                      size_t size);
/* Walks the pairs of any query: cuts the first off *REST and writes it,
 * decoded, over KEY and VALUE. False at the end. */
bool lab_http_next_pair(lab_http_str *rest, lab_buf *key, lab_buf *value);
/* Decodes %XX (and + if PLUS) and appends to OUT. False: malformed. */
bool lab_http_decode(lab_http_str text, bool plus, lab_buf *out);

/* A slot for the layer above, and a node by which it can queue the request to
 * another thread without allocating. */
void lab_http_set_user(lab_http_request *req, void *user);
void *lab_http_user(const lab_http_request *req);
lab_mpsc_node *lab_http_node(lab_http_request *req);
lab_http_request *lab_http_from_node(lab_mpsc_node *node);

/* Control thread. Keeps the request's memory (not its connection) until the
 * same number of releases. */
void lab_http_hold(lab_http_request *req);
void lab_http_release(lab_http_request *req);

/* Control thread. GONE(REQ, ARG) is called if the client goes away, or closes
 * its half of the connection, before the answer was ended. It must not answer.
 * After it returns the request may not be touched, unless held; a held one may
 * still be answered, which does nothing.
 * A request without GONE is answered even if the client closed its half: that
 * is what `printf ... | nc -N` does.
 * It is noticed at once, except of a client that has sent more than 32 KiB of
 * further requests: that is read no further, and shows when it is answered. */
void lab_http_on_gone(lab_http_request *req,
                      void (*gone)(lab_http_request *req, void *arg),
                      void *arg);
/* Control thread. True once the connection is lost. Of a request that is held
 * and ended it says nothing. */
bool lab_http_is_gone(const lab_http_request *req);

#endif
