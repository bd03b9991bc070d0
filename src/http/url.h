/* SPDX-License-Identifier: MIT
 * Splitting the URL of a request that the client sends. Pure: any thread. For
 * the files of this folder. */
#ifndef LAB_HTTP_URL_H
#define LAB_HTTP_URL_H

#include <stddef.h>

enum { LAB_HTTP_URL_HOST = 256, LAB_HTTP_URL_PORT = 8 }; /* with final 0 */

typedef struct lab_http_url {
  char host[LAB_HTTP_URL_HOST]; /* an IPv6 address has no brackets here */
  char port[LAB_HTTP_URL_PORT]; /* "80" if the URL has none */
  /* Pieces of the URL's text. */
  const char *authority; /* "host[:port]", for the header Host */
  size_t authority_len;
  const char *target; /* "/path?query" without the fragment; may be empty, or
                         begin with the "?" */
  size_t target_len;
} lab_http_url;

/* Splits TEXT: "http://host[:port][/path][?query][#fragment]". NULL, or a
 * message that says what is wrong with it, in Go's words. */
const char *lab_http_url_split(lab_http_url *out, const char *text);

#endif
