/* SPDX-License-Identifier: MIT
 * See format.h. */
#include "web/format.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "http/query.h"
#include "web/web_internal.h"

bool lab_web_wants_json(const lab_http_request *req) {
  char format[8];
  lab_http_str accept;
  int len = lab_http_query_get(req, "format", format, sizeof format);
  if (len != -ENOENT)
    return len > 0 && strcmp(format, "json") == 0;
  return lab_http_header(req, "Accept", &accept) &&
         memmem(accept.data, accept.len, "application/json", 16) != NULL;
}

bool lab_web_has_json_body(const lab_http_request *req) {
  static const char json[] = "application/json";
  lab_http_str type;
  lab_http_header(req, "Content-Type", &type);
  return strncasecmp(type.data, json, sizeof json - 1) == 0;
}

bool lab_web_is_get_or_post(const lab_http_request *req) {
  const char *method = lab_http_method(req);
  return strcmp(method, "GET") == 0 || strcmp(method, "POST") == 0;
}

void lab_web_refuse_method(lab_http_request *req, const char *allowed) {
  static const char text[] = "Method Not Allowed\n";
  char headers[128];
  snprintf(headers, sizeof headers, "Allow: %s\r\n%s", allowed,
           LAB_WEB_NOSNIFF);
  lab_http_respond(req, 405, LAB_WEB_TEXT, headers, text, sizeof text - 1);
}
