/* SPDX-License-Identifier: MIT
 * Splits any text as a URL, and reads it as a port and as the Host of a request
 * that a browser sends. Checked: the pieces lie in the text, a port is a port,
 * and a host that passes the guard begins with a name of this machine. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/err.h"
#include "http/guard.h"
#include "http/url.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_split(const char *text) {
  lab_http_url url;
  if (lab_http_url_split(&url, text))
    return;
  const char *end = text + strlen(text);
  int port = lab_http_parse_port(url.port, strlen(url.port));
  LAB_ASSERT(port >= 1 && port <= 65535);
  LAB_ASSERT(url.host[0] != '\0' && !strpbrk(url.host, "/?#@"));
  LAB_ASSERT(url.authority == text + 7 && url.authority_len > 0);
  LAB_ASSERT(url.target == url.authority + url.authority_len);
  LAB_ASSERT(url.target_len <= (size_t)(end - url.target));
  LAB_ASSERT(url.target_len == 0 || strchr("/?", url.target[0]));
}

static void check_port(const char *text, size_t len) {
  int port = lab_http_parse_port(text, len);
  LAB_ASSERT(port >= -1 && port <= 65535);
  for (size_t i = 0; port >= 0 && i < len; i++)
    LAB_ASSERT(text[i] >= '0' && text[i] <= '9');
  if (port >= 0)
    LAB_ASSERT(strtol(text, NULL, 10) == port);
}

static void check_host(const char *text, size_t len) {
  const lab_http_guard_config config = {NULL, 0};
  const lab_http_guard_facts facts = {.loopback = true, .host = {text, len}};
  const char *reason;
  if (len == 0 || lab_http_guard_check(&facts, &config, &reason) != 0)
    return;
  LAB_ASSERT(strncasecmp(text, "localhost", 9) == 0 ||
             strncmp(text, "127.", 4) == 0 || text[0] == '[');
  for (size_t i = 0; i < len; i++)
    LAB_ASSERT(strchr("0123456789abcdefhlostABCDEFHLOST.:[]", text[i]) &&
               text[i] != '\0');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  char *text = malloc(size + 1);
  memcpy(text, data, size);
  text[size] = '\0';
  check_split(text);
  check_port(text, size);
  check_host(text, size);
  free(text);
  return 0;
}
