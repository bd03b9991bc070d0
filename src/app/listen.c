/* SPDX-License-Identifier: MIT
 * See listen.h. */
#include "app/listen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/address.h"

/* Longest host: a name in the DNS has at most 253 bytes. */
enum { HOST_MAX = 255 };

/* ---- the form of an address ---------------------------------------------- */

static bool is_port(const char *text) {
  return lab_port_parse(text, strlen(text)) >= 0;
}

/* Whether the LEN bytes of TEXT can be a name: of a machine, or of an
 * interface. */
static bool is_host_name(const char *text, size_t len) {
  for (size_t i = 0; i < len; i++)
    if ((unsigned char)text[i] <= ' ' || strchr("\x7f[]:/?#@%", text[i]))
      return false;
  return true;
}

/* HOST is LEN bytes in brackets: an IPv6 address, perhaps with %interface. */
static bool is_bracketed_ip6(const char *host, size_t len) {
  char text[HOST_MAX + 1];
  struct in6_addr address;
  if (len < 2 || host[0] != '[' || host[len - 1] != ']')
    return false;
  snprintf(text, sizeof text, "%.*s", (int)len - 2, host + 1);
  char *interface = strchr(text, '%');
  if (interface)
    *interface++ = '\0';
  return inet_pton(AF_INET6, text, &address) == 1 &&
         (!interface ||
          (*interface && is_host_name(interface, strlen(interface))));
}

/* The last colon divides host and port. */
bool lab_listen_is_address(const char *text) {
  const char *colon = strrchr(text, ':');
  if (!colon || !is_port(colon + 1))
    return false;
  size_t len = (size_t)(colon - text);
  if (len > HOST_MAX)
    return false;
  return is_host_name(text, len) || is_bracketed_ip6(text, len);
}

static const char *find_port(const char *address) {
  return strrchr(address, ':') + 1;
}

void lab_listen_host(const char *address, char host[LAB_LISTEN_NAME]) {
  size_t len = (size_t)(find_port(address) - 1 - address);
  if (len > 0 && address[0] == '[') {
    address++;
    len -= 2;
  }
  snprintf(host, LAB_LISTEN_NAME, "%.*s", (int)len, address);
}

/* ---- listening ----------------------------------------------------------- */

/* NUMERIC: HOST is an address, so it isn't looked up. */
static int listen_at(lab_web *web, const char *host, const char *port,
                     bool numeric, int *port_out, lab_err *err) {
  struct addrinfo hints = {
      .ai_flags = AI_NUMERICSERV | (numeric ? AI_NUMERICHOST : 0),
      .ai_socktype = SOCK_STREAM,
  };
  struct addrinfo *found;
  int rc = getaddrinfo(host, port, &hints, &found);
  if (rc)
    return lab_err_set(err, -EADDRNOTAVAIL, "%s:%s: %s", host, port,
                       gai_strerror(rc));
  rc = lab_web_listen(web, found->ai_addr, port_out, err);
  freeaddrinfo(found);
  return rc;
}

/* Without IPv6 the first address is enough. So it is if the kernel chose the
 * port, and another program has the same port on ::1. */
static int listen_loopback(lab_web *web, const char *port, int *port_out,
                           lab_err *err) {
  char same[8];
  int rc = listen_at(web, "127.0.0.1", port, true, port_out, err);
  if (rc)
    return rc;
  snprintf(same, sizeof same, "%d", *port_out);
  rc = listen_at(web, "::1", same, true, NULL, err);
  bool absent = rc == -EADDRNOTAVAIL || rc == -EAFNOSUPPORT;
  bool chosen = strtol(port, NULL, 10) != 0;
  return absent || !chosen ? 0 : rc;
}

/* "::" takes IPv4 too. */
static int listen_all(lab_web *web, const char *port, int *port_out,
                      lab_err *err) {
  int rc = listen_at(web, "::", port, true, port_out, err);
  if (rc != -EAFNOSUPPORT && rc != -EADDRNOTAVAIL)
    return rc;
  return listen_at(web, "0.0.0.0", port, true, port_out, err);
}

int lab_listen(lab_web *web, const char *address, char name[LAB_LISTEN_NAME],
               int *port_out, lab_err *err) {
  char host[LAB_LISTEN_NAME];
  const char *port = find_port(address), *shown = host;
  int got = 0, rc;
  lab_listen_host(address, host);
  if (strcasecmp(host, "localhost") == 0) {
    shown = "127.0.0.1";
    rc = listen_loopback(web, port, &got, err);
  } else if (host[0] == '\0') {
    shown = "::";
    rc = listen_all(web, port, &got, err);
  } else {
    rc = listen_at(web, host, port, false, &got, err);
  }
  if (rc)
    return rc;
  *port_out = got;
  if (strtol(port, NULL, 10) != 0)
    snprintf(name, LAB_LISTEN_NAME, "%s", address);
  else
    snprintf(name, LAB_LISTEN_NAME, strchr(shown, ':') ? "[%s]:%d" : "%s:%d",
             shown, got);
  return 0;
}
