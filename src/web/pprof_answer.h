/* SPDX-License-Identifier: MIT
 * Answers in the form that `go tool pprof` expects. */
#ifndef LAB_WEB_PPROF_ANSWER_H
#define LAB_WEB_PPROF_ANSWER_H

#include "base/blob.h"
#include "http/request.h"

/* An error, as net/http/pprof answers one: a header makes `go tool pprof` show
 * TEXT. */
void lab_web_pprof_error(lab_http_request *req, int status, const char *text);
/* A binary profile. NAME and SUFFIX make the name of the file. */
void lab_web_pprof_file(lab_http_request *req, const char *name,
                        const char *suffix, lab_blob *body);

#endif
