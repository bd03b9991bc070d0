/* SPDX-License-Identifier: MIT
 * Keeping other people's web pages out of the lab.
 *
 * The lab has no password; listening on 127.0.0.1 is its protection. There are
 * two ways around it, and both lead through the user's own browser:
 *  - DNS rebinding. A page of evil.example makes that name mean 127.0.0.1, and
 *    then the browser lets the page read the lab as if both were one site. Its
 *    requests say "Host: evil.example", which no honest request to a loopback
 *    address does.
 *  - Cross-site requests. A page can't read the lab's answer, but it can make
 *    the browser send a POST, or load an "image" that switches the step. Such
 *    requests carry a foreign Origin, or a Sec-Fetch-Site that is neither
 *    "same-origin" nor "none". No browser sends either of them twice.
 *
 * Pure functions: any thread. */
#ifndef LAB_HTTP_GUARD_H
#define LAB_HTTP_GUARD_H

#include <stdbool.h>
#include <stddef.h>

#include "http/request.h"

typedef struct lab_http_guard_config {
  const char *const *hosts; /* names allowed in Host besides those of loopback:
                               from --host and --listen, without port */
  size_t host_count;
  bool check_all; /* on other listeners, too: what looks like the network may be
                     a port of 127.0.0.1 that leads into a container */
} lab_http_guard_config;

/* What the decision depends on. A text of length 0 means that the header is
 * missing; the texts need no final 0. */
typedef struct lab_http_guard_facts {
  bool loopback; /* came in by a loopback listener */
  bool changes;  /* the path changes the lab's state */
  bool repeated; /* Origin or Sec-Fetch-Site is there more than once */
  lab_http_str host;
  lab_http_str origin;
  lab_http_str fetch_site;
} lab_http_guard_facts;

/* CHANGES: whether this path changes the lab's state. Returns 0 to let the
 * request through; or 403 to refuse it, and then *REASON is a sentence for the
 * client. */
int lab_http_guard(const lab_http_request *req,
                   const lab_http_guard_config *config, bool changes,
                   const char **reason);

/* Whether a page of another site made the browser send it, as far as the
 * browser says so. */
bool lab_http_is_foreign(const lab_http_request *req);

/* The decision of lab_http_guard, from facts instead of a request. */
int lab_http_guard_check(const lab_http_guard_facts *facts,
                         const lab_http_guard_config *config,
                         const char **reason);

#endif
