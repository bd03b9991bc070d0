/* SPDX-License-Identifier: MIT
 * The output of a connection. For the files of this folder. */
#ifndef LAB_HTTP_WRITE_H
#define LAB_HTTP_WRITE_H

#include <stdbool.h>

#include "base/blob.h"
#include "base/buf.h"
#include "http/conn.h"

/* When so many bytes of answers are collected, they are sent in one write. */
#define LAB_HTTP_BATCH_MAX 65536

/* Between cork and uncork output is only collected, in c->out. The two may be
 * nested. The last uncork sends the output and may close the connection; the
 * memory of C stays until the loop's next turn. */
void lab_http_cork(lab_http_conn *c);
void lab_http_uncork(lab_http_conn *c);

/* Sends the output collected so far, and then BODY, whose memory it takes. BODY
 * may be NULL. If the client is gone this only sets c->broken and doesn't close
 * the connection: a handler in the middle of an answer must not be told from
 * inside its own call. */
void lab_http_flush(lab_http_conn *c, lab_buf *body);
/* The same with a body that others have, too: it is sent from where it is. */
void lab_http_flush_blob(lab_http_conn *c, lab_blob *body);

/* True while the kernel has not taken all that was sent. */
static inline bool lab_http_blocked(const lab_http_conn *c) {
  return uv_stream_get_write_queue_size((const uv_stream_t *)&c->tcp) > 0;
}

#endif
