/* SPDX-License-Identifier: MIT
 * Answering a request in parts: stream_begin, stream_write as often as needed,
 * stream_end. The rules of response.h hold here too.
 *
 * The body is sent in chunks to HTTP/1.1; to HTTP/1.0, closing the connection
 * ends it.
 *
 * Threads: the server's only. */
#ifndef LAB_HTTP_STREAM_H
#define LAB_HTTP_STREAM_H

#include <stddef.h>

#include "base/buf.h"
#include "http/request.h"

/* Sends the status line and the headers at once. */
void lab_http_stream_begin(lab_http_request *req, int status,
                           const char *content_type, const char *extra_headers);

/* Sends CHUNK and takes its memory. 0, or -ECONNRESET if the client is gone:
 * the stream must be ended nevertheless. A chunk is never refused, so a handler
 * that has much to send must watch lab_http_stream_pending and wait for
 * lab_http_stream_on_drain. */
int lab_http_stream_write(lab_http_request *req, lab_buf *chunk);

void lab_http_stream_end(lab_http_request *req);

/* The number of bytes written that the kernel has not taken yet. */
size_t lab_http_stream_pending(const lab_http_request *req);

/* Calls DRAIN(REQ, ARG) each time that number has become 0 again. DRAIN may
 * write to the stream or end it. */
void lab_http_stream_on_drain(lab_http_request *req,
                              void (*drain)(lab_http_request *req, void *arg),
                              void *arg);

#endif
