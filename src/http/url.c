/* SPDX-License-Identifier: MIT
 * See url.h. */
#include "http/url.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/address.h"

#define BAD_HOST "invalid host in URL"

/* A space or a control character could end the request's line, or a header's
 * line, and so begin another one. */
static bool has_controls(const char *s) {
  for (; *s; s++)
    if ((unsigned char)*s <= ' ' || *s == 0x7f)
      return true;
  return false;
}

/* Reads what follows the host: nothing, or ":" and a port up to END. */
static const char *split_port(lab_http_url *url, const char *text,
                              const char *end) {
  size_t len = (size_t)(end - text);
  if (len > 0 && *text != ':')
    return BAD_HOST;
  int port = len > 0 ? lab_port_parse(text + 1, len - 1) : 80;
  if (port < 1) /* nobody can be reached at port 0 */
    return BAD_HOST ": its port must be a number from 1 to 65535";
  snprintf(url->port, sizeof url->port, "%u", (uint16_t)port);
  return NULL;
}

/* Splits "host[:port]"; an IPv6 address stands in brackets. */
static const char *split_authority(lab_http_url *url) {
  const char *host = url->authority, *end = host + url->authority_len;
  const char *host_end, *rest;
  if (memchr(host, '@', url->authority_len))
    return BAD_HOST;
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
    return BAD_HOST;
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
  return split_authority(url);
}

void lab_http_url_place(const lab_http_url *url, char out[LAB_HTTP_URL_PLACE]) {
  bool is_ip6 = strchr(url->host, ':') != NULL;
  snprintf(out, LAB_HTTP_URL_PLACE, is_ip6 ? "[%s]:%s" : "%s:%s", url->host,
           url->port);
  for (char *c = out; *c; c++)
    if (*c >= 'A' && *c <= 'Z')
      *c |= 0x20;
}
