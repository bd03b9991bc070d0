/* SPDX-License-Identifier: MIT
 * See origin.h. The headers of each origin are written when it is added, so an
 * answer only looks for them. */
#include "http/origin.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>
#include <strings.h>

#include "base/address.h"
#include "base/alloc.h"
#include "base/buf.h"
#include "http/accept.h"

/* Those of an answer that a page may read, beside the usual ones; and its times
 * (Server-Timing), which browsers hide from other origins, too. */
#define EXPOSED                                                                \
  "Access-Control-Expose-Headers: Content-Disposition, ETag, Retry-After, "    \
  "Server-Timing, X-Go-Pprof\r\n"
#define VARY "Vary: Origin\r\n"

static const char any_headers[] =
    "Access-Control-Allow-Origin: *\r\n" EXPOSED "Timing-Allow-Origin: *\r\n";

/* ---- what an origin is --------------------------------------------------- */

static bool is_origin_byte(char c, const char *others) {
  return isalnum((unsigned char)c) || (c && strchr(others, c));
}

/* How many bytes of S are letters, digits, or one of OTHERS. */
static size_t count_origin_bytes(lab_http_str s, const char *others) {
  size_t n = 0;
  while (n < s.len && is_origin_byte(s.data[n], others))
    n++;
  return n;
}

/* The length of "http://", or 0. */
static size_t measure_scheme(lab_http_str s) {
  size_t n = count_origin_bytes(s, "+-.");
  bool good = n > 0 && isalpha((unsigned char)*s.data) && s.len > n + 3 &&
              memcmp(s.data + n, "://", 3) == 0;
  return good ? n + 3 : 0;
}

/* The length of "viewer.example" or "[::1]", or 0. */
static size_t measure_host(lab_http_str s) {
  if (s.len == 0 || *s.data != '[')
    return count_origin_bytes(s, "-._");
  lab_http_str inside = {s.data + 1, s.len - 1};
  size_t n = count_origin_bytes(inside, ":.");
  return n > 0 && n < inside.len && inside.data[n] == ']' ? n + 2 : 0;
}

static bool has_default_port(lab_http_str scheme, int port) {
  bool http = scheme.len == 7 && strncasecmp(scheme.data, "http", 4) == 0;
  bool https = scheme.len == 8 && strncasecmp(scheme.data, "https", 5) == 0;
  return (http && port == 80) || (https && port == 443);
}

/* What is wrong with S, or NULL. */
static const char *find_origin_fault(lab_http_str s) {
  static const char shape[] = "an origin is like https://viewer.example or "
                              "http://localhost:8080, and nothing follows";
  if (s.len == 4 && strncasecmp(s.data, "null", 4) == 0)
    return "any file and many frames have this origin";
  if (memchr(s.data, '*', s.len))
    return "name each origin; only a * alone means any";
  size_t scheme = measure_scheme(s);
  lab_http_str rest = {s.data + scheme, s.len - scheme};
  size_t host = scheme > 0 ? measure_host(rest) : 0;
  if (host == 0)
    return shape;
  if (host == rest.len)
    return NULL;
  int port = rest.data[host] == ':'
                 ? lab_port_parse(rest.data + host + 1, rest.len - host - 1)
                 : -1;
  if (port <= 0)
    return shape;
  return has_default_port((lab_http_str){s.data, scheme}, port)
             ? "browsers leave this port out, so leave it out here"
             : NULL;
}

/* ---- the list ------------------------------------------------------------ */

static char *write_origin_headers(const char *origin) {
  lab_buf b = LAB_BUF_INIT;
  lab_buf_printf(&b,
                 "Access-Control-Allow-Origin: %s\r\n" EXPOSED
                 "Timing-Allow-Origin: %s\r\n" VARY,
                 origin, origin);
  lab_buf_putc(&b, '\0');
  char *headers = lab_xstrdup(b.data);
  lab_buf_free(&b);
  return headers;
}

static void add_origin(lab_http_origins *o, lab_http_str s) {
  char *text = lab_xcalloc(1, s.len + 1);
  for (size_t i = 0; i < s.len; i++)
    text[i] = (char)tolower((unsigned char)s.data[i]);
  o->items = lab_xrealloc(o->items, (o->n + 1) * sizeof *o->items);
  o->items[o->n++] = (lab_http_origin){text, write_origin_headers(text)};
}

int lab_http_origins_add(lab_http_origins *o, const char *list, lab_err *err) {
  lab_http_str rest = {list, strlen(list)};
  do {
    lab_http_str s = lab_http_cut_word(&rest, ',');
    if (s.len == 1 && *s.data == '*') {
      o->has_any = true;
      continue;
    }
    const char *fault = find_origin_fault(s);
    if (fault)
      return lab_err_set(err, -EINVAL, "\"%.*s\": %s",
                         (int)(s.len < 100 ? s.len : 100), s.data, fault);
    add_origin(o, s);
  } while (rest.len > 0);
  return 0;
}

void lab_http_origins_free(lab_http_origins *o) {
  for (size_t i = 0; i < o->n; i++) {
    lab_xfree(o->items[i].text);
    lab_xfree(o->items[i].headers);
  }
  lab_xfree(o->items);
  *o = (lab_http_origins){0};
}

bool lab_http_origins_is_empty(const lab_http_origins *o) {
  return o->n == 0 && !o->has_any;
}

/* ---- a request ----------------------------------------------------------- */

static const lab_http_origin *find_named_origin(const lab_http_origins *o,
                                                lab_http_str origin) {
  for (size_t i = 0; i < o->n; i++)
    if (strlen(o->items[i].text) == origin.len &&
        memcmp(o->items[i].text, origin.data, origin.len) == 0)
      return &o->items[i];
  return NULL;
}

bool lab_http_origins_has(const lab_http_origins *o, lab_http_str origin) {
  return origin.len > 0 && (o->has_any || find_named_origin(o, origin));
}

const char *lab_http_origins_headers(const lab_http_origins *o,
                                     lab_http_str origin) {
  if (o->has_any)
    return any_headers;
  const lab_http_origin *found = find_named_origin(o, origin);
  return found ? found->headers : VARY;
}
