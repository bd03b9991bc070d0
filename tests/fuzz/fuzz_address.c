/* SPDX-License-Identifier: MIT
 * Reads any text as an address to listen on: that of --listen, and that of
 * lab.listen. Checked: what is accepted ends with a port, the host has no
 * brackets; and an address that is written and read again is the same. */
#include "app/listen.h"
#include "http/url.h"
#include "input.h"
#include "services/address.h"

static void check_flag(const char *text) {
  char host[LAB_LISTEN_NAME];
  if (!lab_listen_is_address(text))
    return;
  const char *port = strrchr(text, ':') + 1;
  LAB_ASSERT(lab_http_parse_port(port, strlen(port)) >= 0);
  memset(host, 0x55, sizeof host);
  lab_listen_host(text, host);
  size_t len = strnlen(host, sizeof host);
  LAB_ASSERT(len < sizeof host && !strpbrk(host, "[]"));
  size_t brackets = text[0] == '[';
  LAB_ASSERT(len + 2 * brackets + 1 + strlen(port) == strlen(text));
  LAB_ASSERT(memcmp(text + brackets, host, len) == 0);
  for (size_t i = 0; i < len; i++)
    LAB_ASSERT((unsigned char)host[i] > ' ' && !strchr("\x7f/?#@", host[i]));
}

static int port_of(const lab_serve_address *a) {
  return ntohs(a->any.sa_family == AF_INET6 ? a->ip6.sin6_port
                                            : a->ip4.sin_port);
}

static bool is_same_address(const lab_serve_address *a,
                            const lab_serve_address *b) {
  if (a->any.sa_family != b->any.sa_family || port_of(a) != port_of(b))
    return false;
  if (a->any.sa_family == AF_INET6)
    return memcmp(&a->ip6.sin6_addr, &b->ip6.sin6_addr, 16) == 0;
  return a->ip4.sin_addr.s_addr == b->ip4.sin_addr.s_addr;
}

static void check_server(const char *text) {
  char written[128];
  lab_serve_address address, again;
  memset(&address, 0, sizeof address);
  int rc = lab_serve_address_parse(text, &address);
  LAB_ASSERT(rc <= 0);
  if (rc)
    return;
  LAB_ASSERT(address.any.sa_family == AF_INET ||
             address.any.sa_family == AF_INET6);
  const char *port = strrchr(text, ':') + 1;
  LAB_ASSERT(port_of(&address) == strtol(port, NULL, 10));
  lab_serve_address_write(&address, port_of(&address), written, sizeof written);
  LAB_ASSERT(strlen(written) < sizeof written - 1);
  memset(&again, 0, sizeof again);
  LAB_ASSERT(lab_serve_address_parse(written, &again) == 0);
  LAB_ASSERT(is_same_address(&address, &again));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  fuzz_input in = fuzz_open(data, size);
  char *text = fuzz_rest(&in, NULL);
  check_flag(text);
  check_server(text);
  free(text);
  return 0;
}
