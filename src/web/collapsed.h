/* SPDX-License-Identifier: MIT
 * The text form of every profile with stacks: debug=collapsed, or folded
 * (pprof/collapsed.h). It is made of the profile.proto that would have been
 * answered, so both have the same stacks and the same sums.
 *
 *   debug=collapsed  the profile's default type, one line for each stack
 *   sample=NAME      another type: inuse_objects
 *   label=KEY        the label KEY becomes a root frame
 *
 * Threads: make's, libuv's pool; all else the control thread. */
#ifndef LAB_WEB_COLLAPSED_H
#define LAB_WEB_COLLAPSED_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/err.h"
#include "http/request.h"
#include "web/web.h"

enum { LAB_COLLAPSED_WORD = 128 };

typedef struct lab_collapsed {
  bool wanted;
  char sample[LAB_COLLAPSED_WORD]; /* "": the default */
  char label[LAB_COLLAPSED_WORD];  /* "": none */
  lab_buf text, packed;
  bool is_packed;
  int rc;
  lab_err err; /* why there is no text */
} lab_collapsed;

/* Reads the parameters. False: one of them is wrong, and REQ was answered. */
bool lab_collapsed_read(lab_http_request *req, lab_collapsed *out);
/* Makes the text, if one is wanted, of the N BYTES, a profile.proto, and packs
 * it if the client of REQ takes that. Slow. */
void lab_collapsed_make(lab_collapsed *c, const lab_http_request *req,
                        const void *bytes, size_t n);
/* Answers the text, or why there is none. */
void lab_collapsed_answer(lab_collapsed *c, lab_http_request *req);
void lab_collapsed_free(lab_collapsed *c);

#endif
