/* SPDX-License-Identifier: MIT
 * See recording.h. */
#include "web/recording.h"

#include <stdio.h>

#include "web/pprof_answer.h"
#include "web/web_internal.h"

bool lab_recording_begin(lab_web *web, lab_http_request *req) {
  char text[80];
  if (lab_http_is_pressed(req)) {
    lab_web_pprof_error(req, 503, "there are too many connections");
    return false;
  }
  if (web->recordings < LAB_RECORDINGS_MOST) {
    web->recordings++;
    return true;
  }
  snprintf(text, sizeof text,
           "%d recordings are under way; ask again when one has ended",
           LAB_RECORDINGS_MOST);
  lab_web_pprof_error(req, 503, text);
  return false;
}

void lab_recording_end(lab_web *web) {
  web->recordings--;
}
