/* SPDX-License-Identifier: MIT
 * Answering a request as a whole. For answers in parts see stream.h.
 *
 * Every request is answered exactly once: by respond, by respond_buf, by
 * respond_blob, by error, or by stream_begin ... stream_end. After that it may
 * not be touched, unless it is held. The answer may be given inside on_request
 * or any time later. Answering a request whose client is gone is allowed and
 * sends nothing.
 *
 * The server adds Date, Content-Length or Transfer-Encoding, and Connection. It
 * leaves out the body for HEAD, 204 and 304, and it closes the connection if
 * the client asked for that. CONTENT_TYPE may be NULL. EXTRA_HEADERS is NULL or
 * whole lines, "Name: value\r\n..."; the caller must get their syntax right.
 *
 * Threads: the server's only. */
#ifndef LAB_HTTP_RESPONSE_H
#define LAB_HTTP_RESPONSE_H

#include <stddef.h>

#include "base/blob.h"
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

/* BODY stays the caller's: it is not copied, unless it is small. */
void lab_http_respond_blob(lab_http_request *req, int status,
                           const char *content_type, const char *extra_headers,
                           lab_blob *body);

/* HEADERS, whole lines, are sent with whatever answer REQ gets, beside its
 * EXTRA_HEADERS. They are not copied, and must stay. */
void lab_http_always_send(lab_http_request *req, const char *headers);

/* Answers with TEXT and a newline, as Go's http.Error does: plain text with
 * X-Content-Type-Options: nosniff. */
void lab_http_error(lab_http_request *req, int status, const char *text);

#endif
