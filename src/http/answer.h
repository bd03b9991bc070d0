/* SPDX-License-Identifier: MIT
 * Reading the answer of another server: bytes -> status, headers and body. No
 * input or output happens here. The bytes may come in any number of pieces, and
 * may be anything. For the files of this folder.
 *
 *   lab_http_answer_init(&answer, is_head, max_body);
 *   state = lab_http_answer_feed(&answer, bytes, len);   ... while MORE
 *   lab_http_answer_free(&answer);
 *
 * Several answers may come on one connection, each read by an object of its
 * own: when one is DONE, `keeps` says whether another may follow, and `rest`
 * how many bytes after it have come already. */
#ifndef LAB_HTTP_ANSWER_H
#define LAB_HTTP_ANSWER_H

#include <stdbool.h>
#include <stddef.h>

#include <llhttp.h>

#include "base/buf.h"

typedef enum lab_http_answer_state {
  LAB_HTTP_ANSWER_MORE,      /* the answer is not complete */
  LAB_HTTP_ANSWER_DONE,      /* it is complete; further bytes are not read */
  LAB_HTTP_ANSWER_TOO_LARGE, /* more than MAX_BODY, or very much else */
  LAB_HTTP_ANSWER_NO_MEMORY, /* it is more than the scenario may have */
  LAB_HTTP_ANSWER_MALFORMED, /* not HTTP, or nothing that was asked for: status
                                101, a coding other than chunked */
} lab_http_answer_state;

typedef struct lab_http_answer {
  llhttp_t parser;
  size_t max_body; /* that may be in BODY */
  size_t fed;      /* bytes so far */
  size_t chunks;   /* of the body */
  size_t taken;    /* bytes of the body, by lab_http_answer_take */
  size_t rest;     /* DONE: bytes of the last feed that belong to no answer */
  int status;      /* 0 until there is a status line */
  lab_buf headers; /* "name: value\n" each, names in lower case */
  lab_buf body;    /* counts as the scenario's (base/buf.h) */
  bool has_head;   /* status and headers are complete */
  bool keeps;      /* DONE: the connection stays, for the next request */
  bool is_head;
  bool no_memory;
  bool in_value;   /* the last piece belonged to a header's value, */
  size_t value_at; /* which begins here in HEADERS */
} lab_http_answer;

/* IS_HEAD: the request was HEAD, so no body follows. A must stay where it
 * is. */
void lab_http_answer_init(lab_http_answer *a, bool is_head, size_t max_body);

/* Reads the next bytes. Not after a state other than MORE. */
lab_http_answer_state lab_http_answer_feed(lab_http_answer *a,
                                           const char *bytes, size_t len);

/* The server has closed the connection, which may be how an answer ends: DONE
 * then, else MORE: the answer is cut short. */
lab_http_answer_state lab_http_answer_finish(lab_http_answer *a);

/* Moves the first MOST bytes of the body, or all if they are fewer, into OUT,
 * which is empty. False if there is no memory for them; then they stay. */
bool lab_http_answer_take(lab_http_answer *a, size_t most, lab_buf *out);

void lab_http_answer_free(lab_http_answer *a);

#endif
