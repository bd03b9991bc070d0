/* SPDX-License-Identifier: MIT
 * See sampling.h. */
#include "web/sampling.h"

#include <errno.h>

#include "http/query.h"
#include "prof/cpu.h"
#include "web/number.h"
#include "web/pprof_answer.h"
#include "web/web.h"

/* The parameter hz, or its default; 0 if it is wrong. */
static int read_hz(const lab_http_request *req) {
  char text[16];
  int64_t hz;
  int len = lab_http_form_get(req, "hz", text, sizeof text);
  if (len == -ENOENT || len == 0)
    return LAB_CPU_HZ_DEFAULT;
  if (len < 0 || lab_web_atoi(text, &hz) || hz < 1 || hz > LAB_CPU_HZ_MAX)
    return 0;
  return (int)hz;
}

bool lab_web_read_sampling(lab_http_request *req, int *hz, int64_t *seconds) {
  *seconds = lab_web_number(req, "seconds");
  *hz = read_hz(req);
  if (*seconds <= 0)
    *seconds = LAB_WEB_SECONDS_PROFILE;
  if (*hz > 0 && *seconds <= LAB_WEB_SECONDS_MAX)
    return true;
  lab_web_pprof_error(
      req, 400,
      *hz > 0 ? "\"seconds\" must be at most 600"
              : "invalid value for \"hz\" - must be an integer from 1 to 2000");
  return false;
}
