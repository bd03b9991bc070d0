/* SPDX-License-Identifier: MIT
 * The part of `host` that says what few scripts ask a request for. So it is
 * made only when somebody wants it. All take the request's id.
 *
 * Threads: the VM's. May raise. */
#ifndef LAB_SCENARIO_REQUEST_FACTS_H
#define LAB_SCENARIO_REQUEST_FACTS_H

#include <lauxlib.h>

/* host.request_headers(id) -> { name in lower case = value } | nil: it has
 * ended host.request_remote(id) -> "127.0.0.1:51234" | nil
 * host.request_left(id) -> whether its client has gone; true if it has ended */
extern const luaL_Reg lab_host_request_facts[];

#endif
