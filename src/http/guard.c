/* SPDX-License-Identifier: MIT
 * See guard.h. */
#include "http/guard.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>
#include <strings.h>

#include "base/address.h"

static bool is_same_text(lab_http_str a, lab_http_str b) {
  return a.len == b.len && strncasecmp(a.data, b.data, a.len) == 0;
}

static lab_http_str make_text(const char *text) {
  return (lab_http_str){text, strlen(text)};
}

/* "localhost:6060" -> "localhost", "[::1]:6060" -> "::1", and *IS_IP6 then.
 * Empty if HOST has any other form: what follows the name must be a port, since
 * "[::1].evil.example" and "localhost:80.evil.example" are names of others. */
static lab_http_str cut_host_name(lab_http_str host, bool *is_ip6) {
  static const lab_http_str none = {"", 0};
  *is_ip6 = host.len > 0 && host.data[0] == '[';
  lab_http_str name = {host.data + *is_ip6, host.len - *is_ip6};
  const char *end = memchr(name.data, *is_ip6 ? ']' : ':', name.len);
  if (!end)
    return *is_ip6 ? none : name;
  name.len = (size_t)(end - name.data);
  const char *rest = end + *is_ip6;
  size_t rest_len = (size_t)(host.data + host.len - rest);
  if (rest_len == 0)
    return name;
  bool is_port = *rest == ':' && lab_port_parse(rest + 1, rest_len - 1) >= 0;
  return is_port ? name : none;
}

static bool is_loopback_address(lab_http_str name, bool is_ip6) {
  char text[INET6_ADDRSTRLEN];
  struct in_addr ip4;
  struct in6_addr ip6;
  if (name.len == 0 || name.len >= sizeof text ||
      memchr(name.data, '\0', name.len))
    return false;
  memcpy(text, name.data, name.len);
  text[name.len] = '\0';
  if (is_ip6)
    return inet_pton(AF_INET6, text, &ip6) == 1 && IN6_IS_ADDR_LOOPBACK(&ip6);
  return inet_pton(AF_INET, text, &ip4) == 1 && ntohl(ip4.s_addr) >> 24 == 127;
}

/* An IPv6 address stands in brackets, and nothing else does. */
static bool is_host_allowed(lab_http_str host,
                            const lab_http_guard_config *config) {
  bool is_ip6;
  lab_http_str name = cut_host_name(host, &is_ip6);
  if (name.len == 0)
    return false;
  if (!is_ip6 && (is_same_text(name, make_text("127.0.0.1")) ||
                  is_same_text(name, make_text("localhost"))))
    return true; /* nearly always, and quickly found */
  if (is_loopback_address(name, is_ip6))
    return true;
  for (size_t i = 0; i < config->host_count; i++)
    if (is_same_text(name, make_text(config->hosts[i])) &&
        is_ip6 == (strchr(config->hosts[i], ':') != NULL))
      return true;
  return false;
}

/* "http://localhost:6060" and Host: localhost:6060 are one origin. */
static bool is_same_origin(lab_http_str origin, lab_http_str host) {
  static const char scheme[] = "http://";
  size_t len = sizeof scheme - 1;
  if (origin.len < len || strncasecmp(origin.data, scheme, len) != 0)
    return false;
  return is_same_text((lab_http_str){origin.data + len, origin.len - len},
                      host);
}

/* Whether the browser says that no foreign page asks. A page of another port of
 * this machine is "same-site", and so is foreign. "none": the user typed the
 * address. Tools say nothing. */
static bool is_own_site(lab_http_str fetch_site) {
  return fetch_site.len == 0 ||
         is_same_text(fetch_site, make_text("same-origin")) ||
         is_same_text(fetch_site, make_text("none"));
}

/* Why the request is a foreign page's, or NULL. */
static const char *find_foreign_fault(const lab_http_guard_facts *facts) {
  if (facts->origin.len > 0 && !is_same_origin(facts->origin, facts->host))
    return "a page of another origin can't do this";
  if (!is_own_site(facts->fetch_site))
    return "a page of another site can't do this";
  return NULL;
}

static const char *find_guard_fault(const lab_http_guard_facts *facts,
                                    const lab_http_guard_config *config) {
  if (facts->host.len == 0 && facts->origin.len > 0)
    return "a request from a web page must name its host";
  if ((facts->loopback || config->check_all) && facts->host.len > 0 &&
      !is_host_allowed(facts->host, config))
    return "this host name is not known here; allow it with --host";
  if (facts->repeated)
    return "Origin or Sec-Fetch-Site is there more than once";
  return facts->changes ? find_foreign_fault(facts) : NULL;
}

int lab_http_guard_check(const lab_http_guard_facts *facts,
                         const lab_http_guard_config *config,
                         const char **reason) {
  const char *fault = find_guard_fault(facts, config);
  if (!fault)
    return 0;
  *reason = fault;
  return 403;
}

/* The header's value, and whether there are more headers of that name. */
static bool read_guard_header(const lab_http_request *req, const char *name,
                              lab_http_str *out) {
  return lab_http_header(req, name, out) &&
         lab_http_header_count(req, name) > 1;
}

static lab_http_guard_facts read_guard_facts(const lab_http_request *req) {
  lab_http_guard_facts facts = {.loopback = lab_http_is_loopback(req),
                                .host = lab_http_host(req)};
  facts.repeated = read_guard_header(req, "Origin", &facts.origin) |
                   read_guard_header(req, "Sec-Fetch-Site", &facts.fetch_site);
  return facts;
}

bool lab_http_is_foreign(const lab_http_request *req) {
  lab_http_guard_facts facts = read_guard_facts(req);
  return find_foreign_fault(&facts) != NULL;
}

int lab_http_guard(const lab_http_request *req,
                   const lab_http_guard_config *config, bool changes,
                   const char **reason) {
  lab_http_guard_facts facts = read_guard_facts(req);
  facts.changes = changes;
  return lab_http_guard_check(&facts, config, reason);
}
