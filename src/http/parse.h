/* SPDX-License-Identifier: MIT
 * From bytes to a request, by llhttp. For the files of this folder. */
#ifndef LAB_HTTP_PARSE_H
#define LAB_HTTP_PARSE_H

#include "http/conn.h"

/* Makes c->parser ready. It fills in c->req, and pauses at the end of each
 * request. */
void lab_http_parser_init(lab_http_conn *c);

/* Parses LEN bytes at DATA, which follow those of the last call. */
llhttp_errno_t lab_http_parse(lab_http_conn *c, const char *data, size_t len);

/* The status that answers an error of llhttp in bytes that end at END. Sets
 * c->fault if there is more to say. */
int lab_http_parser_status(lab_http_conn *c, const char *end);

#endif
