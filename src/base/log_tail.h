/* SPDX-License-Identifier: MIT
 * The newest lines of the log, for somebody who looks at them. Nothing is kept
 * while nobody does.
 *
 *   lab_log_tail_watch(true);
 *   ... now and then: lab_log_tail_take(&lines, &left_out);
 *   lab_log_tail_watch(false);
 *
 * Threads: any; the log's writer adds. */
#ifndef LAB_BASE_LOG_TAIL_H
#define LAB_BASE_LOG_TAIL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

enum { LAB_LOG_TAIL = 1024 }; /* bytes that are kept at most */

void lab_log_tail_watch(bool on);
/* Appends the lines since the last call, with their newlines, to OUT: as many
 * of the newest as were kept. *LEFT_OUT: how many others there were. */
void lab_log_tail_take(lab_buf *out, uint64_t *left_out);

/* N bytes of whole lines were written. */
void lab_log_tail_add(const char *lines, size_t n);

#endif
