/* SPDX-License-Identifier: MIT
 * Values in queries and forms: a=1&b=two+words.
 *
 * They are decoded as Go's net/url does it: "+" is a space, "%41" is A. A pair
 * that is malformed or contains a semicolon is left out.
 *
 * Pure functions: any thread, as long as the request is held. */
#ifndef LAB_HTTP_QUERY_H
#define LAB_HTTP_QUERY_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "http/request.h"

/* The first value of KEY in the request's query. Writes at most SIZE bytes,
 * with the final 0, and returns the value's length; -ENOENT if there is no such
 * key; -ENOSPC if the value is too long. */
int lab_http_query_get(const lab_http_request *req, const char *key, char *out,
                       size_t size);

/* The same, but looks first into the form that POST, PUT and PATCH send as
 * body, and then into the query, as Go's FormValue does. */
int lab_http_form_get(const lab_http_request *req, const char *key, char *out,
                      size_t size);

/* Cuts the first good pair off *REST and writes it, decoded, over KEY and
 * VALUE. False if there is no more. *REST needs no final 0. */
bool lab_http_next_pair(lab_http_str *rest, lab_buf *key, lab_buf *value);

#endif
