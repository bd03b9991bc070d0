/* SPDX-License-Identifier: MIT
 * Recordings under way: CPU and wall profiles, differences (seconds=N), traces
 * of the past. Each costs something with every sample, or keeps a snapshot in
 * memory, for as long as its client likes. So there is a limit for all clients
 * together.
 *
 * Threads: the control thread. */
#ifndef LAB_WEB_RECORDING_H
#define LAB_WEB_RECORDING_H

#include <stdbool.h>

#include "http/request.h"
#include "web/web.h"

enum { LAB_RECORDINGS_MOST = 64 };

/* REQ wants to record. False: there are too many, and REQ was answered. */
bool lab_recording_begin(lab_web *web, lab_http_request *req);
/* What has begun keeps nothing any more. */
void lab_recording_end(lab_web *web);

#endif
