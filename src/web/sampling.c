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

/* Likewise. */
static int64_t read_seconds(const lab_http_request *req) {
  char text[32];
  int64_t seconds;
  int len = lab_http_form_get(req, "seconds", text, sizeof text);
  if (len == -ENOENT || len == 0)
    return LAB_WEB_SECONDS_PROFILE;
  return len > 0 && !lab_web_atoi(text, &seconds) && seconds > 0 ? seconds : 0;
}

bool lab_web_read_sampling(lab_http_request *req, int *hz, int64_t *seconds) {
  const char *fault = NULL;
  *seconds = read_seconds(req);
  *hz = read_hz(req);
  if (*hz == 0)
    fault = "invalid value for \"hz\" - must be an integer from 1 to 2000";
  else if (*seconds == 0)
    fault = "invalid value for \"seconds\" - must be a positive integer";
  else if (*seconds > LAB_WEB_SECONDS_MAX)
    fault = "\"seconds\" must be at most 600";
  if (fault)
    lab_web_pprof_error(req, 400, fault);
  return !fault;
}
