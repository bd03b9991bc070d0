/* SPDX-License-Identifier: MIT
 * See since.h. */
#include "web/since.h"

#include <errno.h>
#include <string.h>

#include "http/query.h"

int lab_web_since(const lab_http_request *req, bool *whole) {
  char since[8] = "";
  int len = lab_http_form_get(req, "since", since, sizeof since);
  *whole = len > 0 && strcmp(since, "start") == 0;
  bool step =
      len == -ENOENT || len == 0 || (len > 0 && strcmp(since, "step") == 0);
  return *whole || step ? 0 : -EINVAL;
}
