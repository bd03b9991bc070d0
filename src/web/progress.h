/* SPDX-License-Identifier: MIT
 * /lab/progress: what a student has done (diagnosis/progress.h). */
#ifndef LAB_WEB_PROGRESS_H
#define LAB_WEB_PROGRESS_H

#include "diagnosis/progress.h"
#include "http/request.h"
#include "web/web.h"

/* Events that wait to be written down. All zeros: none. Private to progress.c.
 */
typedef struct lab_web_notes {
  lab_progress_event *waiting;
  size_t n;
  bool writing; /* others are written on the pool */
} lab_web_notes;

/* The handler: GET shows it, DELETE begins anew. */
void lab_web_progress(lab_web *web, lab_http_request *req);

/* The present step was entered: that is written down, in the background. */
void lab_web_note_visit(lab_web *web);

/* What couldn't be written down so far is tried again, in the background. */
void lab_web_keep_progress(lab_web *web);

/* An event WHAT of the present attempt and step, to be added on the pool. */
lab_progress_event lab_web_progress_event(lab_web *web, const char *what);

#endif
