/* SPDX-License-Identifier: MIT
 * Keeping other people's web pages out of the lab.
 *
 * The lab has no password; listening on 127.0.0.1 is its protection. Two ways
 * around it lead through the user's own browser:
 *  - DNS rebinding: a page of evil.example gets that name to mean 127.0.0.1 and
 *    then reads the lab as its own origin. Its requests say Host: evil.example,
 *    which no honest request to a loopback address does.
 *  - Cross-site requests: a page can't read the answer, but may make the
 * browser POST, or load an "image" that switches the step. Such requests carry
 * a foreign Origin, or Sec-Fetch-Site: cross-site.
 *
 * Pure functions: any thread. */
#ifndef LAB_HTTP_GUARD_H
#define LAB_HTTP_GUARD_H

#include <stdbool.h>
#include <stddef.h>

#include "http/request.h"

typedef struct lab_http_guard_config {
  const char *const *hosts; /* names allowed in Host besides loopback ones:
                               those of --host and --listen, without port */
  size_t host_count;
} lab_http_guard_config;

/* What the decision rests on. A text of length 0 is a header that is missing.
 */
typedef struct lab_http_guard_facts {
  bool loopback; /* came in by a loopback listener */
  bool changes;  /* the path changes the lab's state */
  lab_http_str host;
  lab_http_str origin;
  lab_http_str fetch_site;
} lab_http_guard_facts;

/* 0: let it through. 403: refuse, *REASON is a sentence for the client.
 * CHANGES: whether this path changes the lab's state. */
int lab_http_guard(const lab_http_request *req,
                   const lab_http_guard_config *config, bool changes,
                   const char **reason);
/* The same on bare facts. */
int lab_http_guard_check(const lab_http_guard_facts *facts,
                         const lab_http_guard_config *config,
                         const char **reason);

#endif
