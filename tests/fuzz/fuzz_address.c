/* SPDX-License-Identifier: MIT
 * Reads any text as an address to listen on: that of --listen, and that of
 * lab.listen and lab.tcp. Checked: what is accepted ends with a port, the host
 * has no brackets; and an address that is written and read again is the same.
 */
#include "app/listen.h"
#include "base/address.h"
#include "input.h"

static void check_flag(const char *text) {
  char host[LAB_LISTEN_NAME];
  if (!lab_listen_is_address(text))
    return;
  const char *port = strrchr(text, ':') + 1;
  LAB_ASSERT(lab_port_parse(port, strlen(port)) >= 0);
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

static bool is_same_address(const lab_address *a, const lab_address *b) {
  if (a->any.sa_family != b->any.sa_family ||
      lab_address_port(&a->any) != lab_address_port(&b->any))
    return false;
  if (a->any.sa_family == AF_INET6)
    return memcmp(&a->ip6.sin6_addr, &b->ip6.sin6_addr, 16) == 0;
  return a->ip4.sin_addr.s_addr == b->ip4.sin_addr.s_addr;
}

static void check_server(const char *text) {
  char written[LAB_ADDRESS_TEXT];
  lab_address address, again;
  if (lab_address_parse(text, &address))
    return;
  LAB_ASSERT(address.any.sa_family == AF_INET ||
             address.any.sa_family == AF_INET6);
  const char *port = strrchr(text, ':') + 1;
  LAB_ASSERT(lab_address_port(&address.any) == strtol(port, NULL, 10));
  lab_address_write(&address.any, written);
  LAB_ASSERT(strlen(written) < sizeof written - 1);
  LAB_ASSERT(!lab_address_parse(written, &again));
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
