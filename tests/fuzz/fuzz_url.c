/* SPDX-License-Identifier: MIT
 * Splits any text as a URL, and reads it as a port. Checked: the pieces lie in
 * the text, put together they are the text, and a port is a port. */
#include <strings.h>

#include "base/address.h"
#include "http/url.h"
#include "input.h"

static void check_pieces(const lab_http_url *url, const char *text) {
  const char *end = text + strlen(text);
  LAB_ASSERT(strncasecmp(text, "http://", 7) == 0);
  LAB_ASSERT(url->authority == text + 7 && url->authority_len > 0);
  LAB_ASSERT(url->target == url->authority + url->authority_len);
  LAB_ASSERT(url->target_len <= (size_t)(end - url->target));
  LAB_ASSERT(url->target_len == 0 || strchr("/?", url->target[0]));
  const char *rest = url->target + url->target_len;
  LAB_ASSERT(*rest == '\0' || *rest == '#');
  for (const char *c = text; *c; c++) /* nothing may end a header's line */
    LAB_ASSERT((unsigned char)*c > ' ' && *c != 0x7f);
}

static void check_split(const char *text) {
  lab_http_url url;
  memset(&url, 0x55, sizeof url);
  if (lab_http_url_split(&url, text))
    return;
  check_pieces(&url, text);
  int port = lab_port_parse(url.port, strlen(url.port));
  LAB_ASSERT(port >= 1 && port <= 65535);
  LAB_ASSERT(url.host[0] != '\0' && !strpbrk(url.host, "/?#@"));
  /* The authority is the host, perhaps in brackets, perhaps with a port. */
  size_t host = strlen(url.host), bracket = url.authority[0] == '[';
  LAB_ASSERT(url.authority_len >= host + 2 * bracket);
  LAB_ASSERT(memcmp(url.authority + bracket, url.host, host) == 0);
  const char *rest = url.authority + host + 2 * bracket;
  if (rest < url.target)
    LAB_ASSERT(*rest == ':' && strtol(rest + 1, NULL, 10) == port);
  else
    LAB_ASSERT(port == 80);
}

static void check_port(const char *text, size_t len) {
  int port = lab_port_parse(text, len);
  LAB_ASSERT(port >= -1 && port <= 65535);
  for (size_t i = 0; port >= 0 && i < len; i++)
    LAB_ASSERT(text[i] >= '0' && text[i] <= '9');
  if (port >= 0)
    LAB_ASSERT(strtol(text, NULL, 10) == port);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  fuzz_input in = fuzz_open(data, size);
  char *text = fuzz_rest(&in, NULL);
  check_split(text);
  check_port(text, size);
  free(text);
  return 0;
}
