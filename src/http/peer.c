/* SPDX-License-Identifier: MIT
 * See peer.h. */
#include "http/peer.h"

#include <stdio.h>
#include <string.h>

static void write_mapped_ip4(const lab_address *peer,
                             char out[LAB_ADDRESS_TEXT]) {
  lab_address mapped = {.ip4 = {.sin_family = AF_INET}};
  memcpy(&mapped.ip4.sin_addr, &peer->ip6.sin6_addr.s6_addr[12], 4);
  lab_address_set_port(&mapped, lab_address_port(&peer->any));
  lab_address_write(&mapped.any, out);
}

void lab_http_peer_write(const lab_address *peer, char out[LAB_ADDRESS_TEXT]) {
  bool is_ip6 = peer->any.sa_family == AF_INET6;
  if (is_ip6 && IN6_IS_ADDR_V4MAPPED(&peer->ip6.sin6_addr))
    write_mapped_ip4(peer, out);
  else if (is_ip6 || peer->any.sa_family == AF_INET)
    lab_address_write(&peer->any, out);
  else
    snprintf(out, LAB_ADDRESS_TEXT, "@");
}
