/* SPDX-License-Identifier: MIT
 * The parameter `since` of a request: where numbers that add up begin. With the
 * present step, after its `enter` (`step`, the default), or with the process
 * (`start`).
 *
 * What is kept as evidence (keep.h) always begins with the step, as all that is
 * judged does, whatever was asked for. */
#ifndef LAB_WEB_SINCE_H
#define LAB_WEB_SINCE_H

#include <stdbool.h>

#include "http/request.h"

#define LAB_WEB_WRONG_SINCE                                                    \
  "invalid value for \"since\" - must be \"step\" or \"start\""

/* *WHOLE: it is `start`. 0; or -EINVAL, and the answer is LAB_WEB_WRONG_SINCE.
 */
int lab_web_since(const lab_http_request *req, bool *whole);

#endif
