/* SPDX-License-Identifier: MIT
 * See url.h. */
#include "http/url.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

/* A space or a control character could end the request's line, or a header's
 * line, and so begin another one. */
static bool has_controls(const char *s) {
  for (; *s; s++)
    if ((unsigned char)*s <= ' ' || *s == 0x7f)
      return true;
  return false;
}

/* Reads what follows the host: nothing, or ":" and digits up to END. */
static bool split_port(lab_http_url *url, const char *text, const char *end) {
  size_t len = (size_t)(end - text);
  if (len == 0) {
    memcpy(url->port, "80", sizeof "80");
    return true;
  }
  if (*text != ':' || len < 2 || len > sizeof url->port ||
      strspn(text + 1, "0123456789") < len - 1)
    return false;
  snprintf(url->port, sizeof url->port, "%.*s", (int)(len - 1), text + 1);
  return true;
}

/* Splits "host[:port]"; an IPv6 address stands in brackets. */
static bool split_authority(lab_http_url *url) {
  const char *host = url->authority, *end = host + url->authority_len;
  const char *host_end, *rest;
  if (memchr(host, '@', url->authority_len))
    return false;
  if (host < end && *host == '[') {
    host++;
    host_end = memchr(host, ']', (size_t)(end - host));
    rest = host_end ? host_end + 1 : end;
  } else {
    host_end = memchr(host, ':', url->authority_len);
    rest = host_end = host_end ? host_end : end;
  }
  if (!host_end || host_end == host ||
      (size_t)(host_end - host) >= sizeof url->host)
    return false;
  snprintf(url->host, sizeof url->host, "%.*s", (int)(host_end - host), host);
  return split_port(url, rest, end);
}

const char *lab_http_url_split(lab_http_url *url, const char *text) {
  if (has_controls(text))
    return "invalid control character in URL";
  if (strncasecmp(text, "http://", 7) != 0)
    return "unsupported protocol scheme";
  url->authority = text + 7;
  url->authority_len = strcspn(url->authority, "/?#");
  url->target = url->authority + url->authority_len;
  url->target_len = strcspn(url->target, "#");
  return split_authority(url) ? NULL : "invalid host in URL";
}
