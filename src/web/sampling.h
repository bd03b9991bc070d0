/* SPDX-License-Identifier: MIT
 * The parameters of profiles that take samples: hz and seconds. */
#ifndef LAB_WEB_SAMPLING_H
#define LAB_WEB_SAMPLING_H

#include <stdbool.h>
#include <stdint.h>

#include "http/request.h"

/* Reads the parameters: *HZ samples per second, for *SECONDS. What is missing
 * has its default. Returns false, and answers REQ, if one of them is wrong. */
bool lab_web_read_sampling(lab_http_request *req, int *hz, int64_t *seconds);

#endif
