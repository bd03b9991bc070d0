/* SPDX-License-Identifier: MIT
 * Long texts are packed with gzip for clients that take that: a dump of all
 * tasks becomes a hundredth. Profiles are never packed here: profile.proto is
 * gzip already. */
#ifndef LAB_WEB_PACK_H
#define LAB_WEB_PACK_H

#include <stdbool.h>

#include "base/buf.h"
#include "http/request.h"
#include "pprof/gzip.h"

/* Of an answer whose text may be packed; of one whose text is. */
#define LAB_PACK_MAY "Vary: Accept-Encoding\r\n"
#define LAB_PACK_IS LAB_PACK_MAY "Content-Encoding: gzip\r\n"

/* Appends TEXT to PACKED, packed, if the client of REQ takes that and if TEXT
 * is long enough to gain by it; else returns false. Any thread. */
bool lab_pack_text(const lab_http_request *req, const lab_buf *text,
                   lab_buf *packed);

/* The same for a text in parts: a stream that appends to PACKED, which may be
 * emptied between two calls; or NULL, if the text is to be sent as it is. */
lab_gzip *lab_pack_begin(const lab_http_request *req, lab_buf *packed);
/* Writes its end, if GZIP is one, and forgets it. */
void lab_pack_end(lab_gzip **gzip);

#endif
