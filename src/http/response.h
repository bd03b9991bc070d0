/* SPDX-License-Identifier: MIT
 * Answering a request: whole, or as a stream.
 *
 * Every request is answered exactly once, by one of respond, respond_buf,
 * error, or stream_begin ... stream_end; after that it may not be touched,
 * unless held. This may happen inside on_request or any time later. Answering
 * a request whose client is gone is allowed and does nothing else.
 *
 * The server adds Date, Content-Length or Transfer-Encoding, and Connection;
 * leaves out the body for HEAD, 204 and 304; and closes the connection where
 * the client asked for it. CONTENT_TYPE may be NULL. EXTRA_HEADERS is NULL or
 * whole lines, "Name: value\r\n..."; the caller vouches for its syntax.
 *
 * Threads: the server's only. */
#ifndef LAB_HTTP_RESPONSE_H
#define LAB_HTTP_RESPONSE_H

#include <stddef.h>

#include "base/buf.h"
#include "http/request.h"

/* Copies BODY. */
void lab_http_respond(lab_http_request *req, int status,
                      const char *content_type, const char *extra_headers,
                      const void *body, size_t len);
/* Takes the memory of BODY, which is empty afterwards. */
void lab_http_respond_buf(lab_http_request *req, int status,
                          const char *content_type, const char *extra_headers,
                          lab_buf *body);
/* TEXT and a newline, as Go's http.Error: plain text with
 * X-Content-Type-Options: nosniff. */
void lab_http_error(lab_http_request *req, int status, const char *text);

/* A stream: chunked for HTTP/1.1, ended by closing for HTTP/1.0. The head is
 * sent at once. */
void lab_http_stream_begin(lab_http_request *req, int status,
                           const char *content_type, const char *extra_headers);
/* Takes the memory of CHUNK. 0, or -ECONNRESET if the client is gone: the
 * stream must be ended all the same. Nothing is refused; a source without
 * bound looks at lab_http_stream_pending and waits for on_drain. */
int lab_http_stream_write(lab_http_request *req, lab_buf *chunk);
void lab_http_stream_end(lab_http_request *req);
/* Bytes written that the kernel has not taken yet. */
size_t lab_http_stream_pending(const lab_http_request *req);
/* DRAIN(REQ, ARG) is called each time they have become 0 again. It may write or
 * end the stream. */
void lab_http_stream_on_drain(lab_http_request *req,
                              void (*drain)(lab_http_request *req, void *arg),
                              void *arg);

/* "Not Found" for 404, in Go's words; "" for a status that has no name. */
const char *lab_http_status_text(int status);

#endif
