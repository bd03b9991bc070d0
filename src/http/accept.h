/* SPDX-License-Identifier: MIT
 * Headers that are lists, such as "gzip, br;q=0.5": what a client takes, and
 * what it has already.
 *
 * Pure functions: any thread. */
#ifndef LAB_HTTP_ACCEPT_H
#define LAB_HTTP_ACCEPT_H

#include <stdbool.h>

#include "http/request.h"

/* Takes what stands before the next SEPARATOR off REST, without the blanks
 * around it. */
lab_http_str lab_http_cut_word(lab_http_str *rest, char separator);

/* Does the client take an answer that is packed with gzip? */
bool lab_http_takes_gzip(const lab_http_request *req);

/* Has the client the content with this ETag (with its quotes)? It gets 304. An
 * ETag compares without its "W/": what was changed on the way is still this
 * content. */
bool lab_http_has_tag(const lab_http_request *req, const char *tag);

#endif
