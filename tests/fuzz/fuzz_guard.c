/* SPDX-License-Identifier: MIT
 * Takes any texts for the headers Host, Origin and Sec-Fetch-Site, and any for
 * names that --host allows. Checked: a request that comes in by a loopback
 * address passes only if its host is a name of this machine or one that is
 * allowed, with a port at most; one that changes something, only from a page of
 * its own origin; and one that says twice where it comes from, never. */
#include <arpa/inet.h>
#include <strings.h>

#include "http/guard.h"
#include "input.h"

/* What the guard must know of a host; from the text's other end. */
static bool is_port_behind(const char *text, size_t len, size_t name) {
  if (name == len)
    return true;
  if (text[name] != ':' || len - name - 1 < 1 || len - name - 1 > 5)
    return false;
  long port = 0;
  for (size_t i = name + 1; i < len; i++) {
    if (text[i] < '0' || text[i] > '9')
      return false;
    port = 10 * port + text[i] - '0';
  }
  return port <= 65535;
}

static bool is_name_of_machine(const char *name, size_t len, bool brackets) {
  char text[64];
  struct in6_addr ip6;
  struct in_addr ip4;
  if (len >= sizeof text || memchr(name, '\0', len))
    return false;
  memcpy(text, name, len);
  text[len] = '\0';
  if (brackets)
    return inet_pton(AF_INET6, text, &ip6) == 1 && IN6_IS_ADDR_LOOPBACK(&ip6);
  return strcasecmp(text, "localhost") == 0 ||
         (inet_pton(AF_INET, text, &ip4) == 1 &&
          (ntohl(ip4.s_addr) & 0xff000000) == 0x7f000000);
}

/* Whether some name, and a port at most, make up the host. */
static bool is_known(lab_http_str host, const char *allowed) {
  bool brackets = host.len > 0 && host.data[0] == '[';
  for (size_t len = 1; len <= host.len; len++) {
    size_t end = len + 2 * brackets;
    if (end > host.len || (brackets && host.data[end - 1] != ']') ||
        !is_port_behind(host.data, host.len, end))
      continue;
    const char *name = host.data + brackets;
    if (is_name_of_machine(name, len, brackets) ||
        (len == strlen(allowed) && strncasecmp(name, allowed, len) == 0))
      return true;
  }
  return false;
}

static bool is_word(lab_http_str text, const char *word) {
  return text.len == strlen(word) &&
         strncasecmp(text.data, word, text.len) == 0;
}

static void check_passed(const lab_http_guard_facts *f, const char *allowed) {
  if (f->loopback && f->host.len > 0)
    LAB_ASSERT(is_known(f->host, allowed));
  LAB_ASSERT(f->host.len > 0 || f->origin.len == 0);
  LAB_ASSERT(!f->repeated);
  if (!f->changes)
    return;
  LAB_ASSERT(f->fetch_site.len == 0 || is_word(f->fetch_site, "none") ||
             is_word(f->fetch_site, "same-origin"));
  if (f->origin.len > 0) {
    LAB_ASSERT(f->origin.len == 7 + f->host.len);
    LAB_ASSERT(strncasecmp(f->origin.data, "http://", 7) == 0);
    LAB_ASSERT(strncasecmp(f->origin.data + 7, f->host.data, f->host.len) == 0);
  }
}

/* A text without the final 0, so that one byte too many is seen. */
static lab_http_str take_header(fuzz_input *in, char **memory) {
  size_t len;
  char *text = fuzz_text(in, &len);
  *memory = malloc(len + (len == 0));
  memcpy(*memory, text, len);
  free(text);
  return (lab_http_str){*memory, len};
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  fuzz_input in = fuzz_open(data, size);
  char *memory[3];
  unsigned bits = fuzz_byte(&in);
  char *allowed = fuzz_text(&in, NULL);
  const char *const hosts[] = {allowed};
  const lab_http_guard_config config = {hosts, *allowed != '\0', false};
  lab_http_guard_facts facts = {
      .loopback = bits & 1, .changes = bits & 2, .repeated = bits & 4};
  facts.fetch_site = take_header(&in, &memory[0]);
  facts.origin = take_header(&in, &memory[1]);
  facts.host = take_header(&in, &memory[2]);
  const char *reason = NULL;
  int status = lab_http_guard_check(&facts, &config, &reason);
  LAB_ASSERT(status == 0 || status == 403);
  LAB_ASSERT((status == 403) == (reason != NULL));
  if (status == 0)
    check_passed(&facts, allowed);
  for (int i = 0; i < 3; i++)
    free(memory[i]);
  free(allowed);
  return 0;
}
