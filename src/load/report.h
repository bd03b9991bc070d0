/* SPDX-License-Identifier: MIT
 * What a load has seen, as text for people and as JSON.
 *
 * Threads: any. */
#ifndef LAB_LOAD_REPORT_H
#define LAB_LOAD_REPORT_H

#include "base/buf.h"
#include "load/load.h"

/* One line without its newline, for while it runs:
 * "3.2s: 12345 requests, 3856 per second, p99 1.24ms, 3 failed". */
void lab_load_report_line(const lab_load_result *r, lab_buf *out);

/* Statuses, requests per second, percentiles, and a histogram with bars. */
void lab_load_report_text(const lab_load_result *r, const char *url,
                          lab_buf *out);

/* The same as one JSON object on a line. Times are in seconds. The histogram is
 * a list of [bound, how many are above the bound before and up to this one]. */
void lab_load_report_json(const lab_load_result *r, const char *url,
                          lab_buf *out);

/* Requests that were not answered with 2xx or 3xx, or not even sent. */
uint64_t lab_load_count_failed(const lab_load_result *r);

#endif
