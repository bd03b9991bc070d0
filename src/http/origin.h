/* SPDX-License-Identifier: MIT
 * Web pages of other origins that may read answers: those that the user has
 * named. A browser shows an answer to a page of another origin only if the
 * answer's headers name that origin (CORS).
 *
 *   lab_http_origins o = {0};
 *   lab_http_origins_add(&o, "https://viewer.example, http://localhost:8080",
 *                        &err);
 *   const char *headers = lab_http_origins_headers(&o, origin_of_the_request);
 *   lab_http_origins_free(&o);
 *
 * Threads: one at a time per object. */
#ifndef LAB_HTTP_ORIGIN_H
#define LAB_HTTP_ORIGIN_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "http/request.h"

typedef struct lab_http_origin {
  char *text; /* as browsers write it: in lower case */
  char *headers;
} lab_http_origin;

/* All zeros: none. */
typedef struct lab_http_origins {
  lab_http_origin *items; /* private */
  size_t n;
  bool has_any; /* "*": any page may read */
} lab_http_origins;

/* Adds those of LIST, which has commas between them: SCHEME://HOST[:PORT] as
 * browsers write it, or "*". 0; or -EINVAL, and ERR says what is wrong with
 * which of them. */
int lab_http_origins_add(lab_http_origins *o, const char *list, lab_err *err);
void lab_http_origins_free(lab_http_origins *o);

bool lab_http_origins_is_empty(const lab_http_origins *o);

/* May a page of ORIGIN, the header's value, read? False if it is empty. */
bool lab_http_origins_has(const lab_http_origins *o, lab_http_str origin);

/* The headers of an answer that pages of O may read, to a request from ORIGIN:
 * whole lines, which stay as long as O does. */
const char *lab_http_origins_headers(const lab_http_origins *o,
                                     lab_http_str origin);

#endif
