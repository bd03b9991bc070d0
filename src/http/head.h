/* SPDX-License-Identifier: MIT
 * The head of an answer: status line and headers. For the files of this
 * folder. */
#ifndef LAB_HTTP_HEAD_H
#define LAB_HTTP_HEAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "http/request.h"

/* False for the statuses whose answers never have a body. */
bool lab_http_has_body(int status);

#define LAB_HTTP_NO_LENGTH SIZE_MAX

/* Appends the head to the output of the request's connection. LENGTH of the
 * body: LAB_HTTP_NO_LENGTH if it is not known. The other arguments: see
 * response.h. */
void lab_http_write_head(lab_http_request *req, int status,
                         const char *content_type, const char *extra_headers,
                         size_t length);

#endif
