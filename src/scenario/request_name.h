/* SPDX-License-Identifier: MIT
 * What traces say of a request: its name, "GET /things", and how long it had
 * waited. Threads: the VM's. */
#ifndef LAB_SCENARIO_REQUEST_NAME_H
#define LAB_SCENARIO_REQUEST_NAME_H

#include "scenario/request.h"

/* Writes at most SIZE - 1 bytes of X's name, and a 0. Returns their number. */
size_t lab_request_write_name(const lab_request *x, char *out, size_t size);
/* X has just become the user task TASK. If it came long before, because other
 * work had kept the VM, traces say so: for them it begins now. */
void lab_request_tell_wait(const lab_request *x, uint64_t task);

#endif
