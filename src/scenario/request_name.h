/* SPDX-License-Identifier: MIT
 * What traces call a request: "GET /things". Threads: the VM's. */
#ifndef LAB_SCENARIO_REQUEST_NAME_H
#define LAB_SCENARIO_REQUEST_NAME_H

#include "scenario/request.h"

/* Writes at most SIZE - 1 bytes of X's name, and a 0. Returns their number. */
size_t lab_request_write_name(const lab_request *x, char *out, size_t size);

#endif
