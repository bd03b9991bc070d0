/* SPDX-License-Identifier: MIT
 * URLs of requests that the client sends. Pure: any thread. */
#ifndef LAB_HTTP_URL_H
#define LAB_HTTP_URL_H

#include <stddef.h>

enum { /* with final 0 */
       LAB_HTTP_URL_HOST = 256,
       LAB_HTTP_URL_PORT = 8,
       LAB_HTTP_URL_PLACE = LAB_HTTP_URL_HOST + LAB_HTTP_URL_PORT + 2,
};

typedef struct lab_http_url {
  char host[LAB_HTTP_URL_HOST]; /* an IPv6 address has no brackets here */
  char port[LAB_HTTP_URL_PORT]; /* 1 to 65535; "80" if the URL has none */
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

/* Where its server is, "localhost:80" or "[::1]:80", in lower case: requests to
 * the same place can share connections. */
void lab_http_url_place(const lab_http_url *url, char out[LAB_HTTP_URL_PLACE]);

#endif
