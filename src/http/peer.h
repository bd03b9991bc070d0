/* SPDX-License-Identifier: MIT
 * Addresses of clients, as text. Pure: any thread. */
#ifndef LAB_HTTP_PEER_H
#define LAB_HTTP_PEER_H

#include "base/address.h"

/* As lab_address_write, but an IPv4 client of an IPv6 socket is written as an
 * IPv4 address, and one whose address isn't known (the family is 0), or has no
 * number, as "@", both as in Go. */
void lab_http_peer_write(const lab_address *peer, char out[LAB_ADDRESS_TEXT]);

#endif
