/* SPDX-License-Identifier: MIT
 * Numbers in requests, read and quoted as Go's package strconv does, so that
 * errors have the same texts. */
#ifndef LAB_WEB_NUMBER_H
#define LAB_WEB_NUMBER_H

#include <stdint.h>

#include "base/buf.h"
#include "http/request.h"

/* A decimal number as strconv.Atoi reads it. Returns 0; or -EINVAL ("invalid
 * syntax"), and *OUT is 0; or -ERANGE ("value out of range"), and *OUT is the
 * nearest number in range. */
int lab_web_atoi(const char *text, int64_t *out);
/* Appends TEXT as strconv.Quote writes it. */
void lab_web_quote(const char *text, lab_buf *out);

/* The parameter KEY of the query, or of a posted form, as a number: 0 if it is
 * missing or no number. */
int64_t lab_web_number(const lab_http_request *req, const char *key);

#endif
