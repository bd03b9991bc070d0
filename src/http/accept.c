/* SPDX-License-Identifier: MIT
 * See accept.h. */
#include "http/accept.h"

#include <string.h>
#include <strings.h>

#include "base/decimal.h"

lab_http_str lab_http_cut_word(lab_http_str *rest, char separator) {
  const char *end =
      rest->len > 0 ? memchr(rest->data, separator, rest->len) : NULL;
  size_t len = end ? (size_t)(end - rest->data) : rest->len;
  size_t skip = end ? len + 1 : len;
  lab_http_str word = {rest->data, len};
  *rest = (lab_http_str){rest->data + skip, rest->len - skip};
  while (word.len > 0 && lab_http_is_blank(*word.data))
    word = (lab_http_str){word.data + 1, word.len - 1};
  while (word.len > 0 && lab_http_is_blank(word.data[word.len - 1]))
    word.len--;
  return word;
}

static bool is_word(lab_http_str word, const char *text) {
  return word.len == strlen(text) &&
         strncasecmp(word.data, text, word.len) == 0;
}

/* Is "q=0" among the parameters? Their text is followed by a 0 byte, or by
 * another word. */
static bool is_ruled_out(lab_http_str params) {
  const char *q = memmem(params.data, params.len, "q=", 2);
  double weight = 1;
  if (q)
    lab_decimal_read(q + 2, &weight);
  return !(weight > 0);
}

/* What is said of gzip itself counts more than what "*" says. */
bool lab_http_takes_gzip(const lab_http_request *req) {
  lab_http_str rest;
  bool takes_any = false;
  lab_http_header(req, "Accept-Encoding", &rest);
  while (rest.len > 0) {
    lab_http_str params = lab_http_cut_word(&rest, ',');
    lab_http_str coding = lab_http_cut_word(&params, ';');
    if (is_word(coding, "gzip"))
      return !is_ruled_out(params);
    if (is_word(coding, "*"))
      takes_any = !is_ruled_out(params);
  }
  return takes_any;
}

static bool is_tag(lab_http_str word, const char *tag) {
  if (word.len > 2 && memcmp(word.data, "W/", 2) == 0)
    word = (lab_http_str){word.data + 2, word.len - 2};
  return (word.len == 1 && *word.data == '*') ||
         (word.len == strlen(tag) && memcmp(word.data, tag, word.len) == 0);
}

bool lab_http_has_tag(const lab_http_request *req, const char *tag) {
  lab_http_str rest;
  lab_http_header(req, "If-None-Match", &rest);
  while (rest.len > 0)
    if (is_tag(lab_http_cut_word(&rest, ','), tag))
      return true;
  return false;
}
