/* SPDX-License-Identifier: MIT
 * Values in queries and forms: a=1&b=two+words.
 *
 * They are decoded as Go's net/url does it: "+" is a space, "%41" is A, and a
 * pair that contains a semicolon is malformed. Go leaves malformed pairs out,
 * so who has mistyped gets what happens without the parameter; here it is told.
 *
 * Pure functions: any thread, as long as the request is held. */
#ifndef LAB_HTTP_QUERY_H
#define LAB_HTTP_QUERY_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "http/request.h"

/* The first value of KEY in the request's query. Writes at most SIZE bytes,
 * with the final 0, and returns the value's length, which is strlen of it. Only
 * -ENOENT means that there is no such key. -ENOSPC: the value is too long;
 * -EINVAL: it is malformed, or has a 0 byte. */
int lab_http_query_get(const lab_http_request *req, const char *key, char *out,
                       size_t size);

/* The same, but looks first into the form that POST, PUT and PATCH send as
 * body, and then into the query, as Go's FormValue does. */
int lab_http_form_get(const lab_http_request *req, const char *key, char *out,
                      size_t size);

/* The value of KEY in a query that has nothing else. -ENOENT: the query is
 * empty; -EINVAL also if it has anything else. For requests that do much more
 * without KEY than with it. */
int lab_http_query_get_only(const lab_http_request *req, const char *key,
                            char *out, size_t size);

/* Cuts the first pair off *REST and writes it, decoded, over KEY and VALUE.
 * Returns 1; 0 if there is no more; or -EINVAL: the pair is malformed, KEY is
 * empty if that is why, and VALUE is. *REST needs no final 0. */
int lab_http_next_pair(lab_http_str *rest, lab_buf *key, lab_buf *value);

#endif
