/* SPDX-License-Identifier: MIT
 * Answers in the form that `go tool pprof` expects. */
#ifndef LAB_WEB_PPROF_ANSWER_H
#define LAB_WEB_PPROF_ANSWER_H

#include <stdbool.h>

#include "base/blob.h"
#include "base/buf.h"
#include "http/request.h"
#include "web/timing.h"

/* An error, as net/http/pprof answers one: a header makes `go tool pprof` show
 * TEXT. */
void lab_web_pprof_error(lab_http_request *req, int status, const char *text);
/* A binary profile. NAME and SUFFIX make the name of the file. TIMING ends. */
void lab_web_pprof_file(lab_http_request *req, const char *name,
                        const char *suffix, lab_timing *timing, lab_blob *body);
/* A profile as text, whose memory is taken; PACKED: it is packed (pack.h). */
void lab_web_pprof_text(lab_http_request *req, bool packed, lab_timing *timing,
                        lab_buf *text);

#endif
