/* SPDX-License-Identifier: MIT
 * See lookup.h. */
#include "http/lookup.h"

static struct addrinfo make_hints(int flags) {
  return (struct addrinfo){.ai_socktype = SOCK_STREAM,
                           .ai_flags = flags | AI_NUMERICSERV};
}

struct addrinfo *lab_http_lookup_number(const lab_http_url *url) {
  const struct addrinfo hints = make_hints(AI_NUMERICHOST);
  struct addrinfo *found = NULL;
  return getaddrinfo(url->host, url->port, &hints, &found) ? NULL : found;
}

static void on_lookup_done(uv_getaddrinfo_t *uv, int status,
                           struct addrinfo *addresses) {
  lab_http_lookup *l = LAB_CONTAINER(uv, lab_http_lookup, uv);
  lab_turn_end(&l->turn);
  l->found(l, status, addresses);
}

static void on_lookup_turn(lab_turn *turn) {
  lab_http_lookup *l = LAB_CONTAINER(turn, lab_http_lookup, turn);
  const struct addrinfo hints = make_hints(0);
  int rc = uv_getaddrinfo(l->loop, &l->uv, on_lookup_done, l->url->host,
                          l->url->port, &hints);
  if (rc)
    on_lookup_done(&l->uv, rc, NULL);
}

void lab_http_lookup_begin(lab_http_lookup *l, uv_loop_t *loop,
                           const lab_http_url *url,
                           void (*found)(lab_http_lookup *lookup, int status,
                                         struct addrinfo *addresses)) {
  l->loop = loop;
  l->url = url;
  l->found = found;
  lab_turn_take(&l->turn, LAB_TURN_LOOKUP, on_lookup_turn);
}

bool lab_http_lookup_cancel(lab_http_lookup *l) {
  bool waits = lab_turn_waits(&l->turn);
  if (waits)
    lab_turn_end(&l->turn);
  else
    uv_cancel((uv_req_t *)&l->uv); /* does nothing if it runs or has ended */
  return waits;
}
