/* SPDX-License-Identifier: MIT
 * How long the event loop is busy between two looks at the network, as the
 * metric diaglab_loop_lag_seconds. */
#ifndef LAB_WEB_LOOP_LAG_H
#define LAB_WEB_LOOP_LAG_H

#include <stdint.h>
#include <uv.h>

#include "base/metric.h"

/* Private to loop_lag.c. */
typedef struct lab_loop_lag {
  lab_metric *metric; /* NULL: it isn't measured any more */
  uv_prepare_t poll_begins;
  uint64_t busy; /* ns, all turns until the last one; 0: there was none */
} lab_loop_lag;

/* Measures LOOP from now on. */
void lab_loop_lag_start(lab_loop_lag *lag, uv_loop_t *loop);
/* Once more does nothing. LAG must stay until the loop has closed its handles.
 */
void lab_loop_lag_stop(lab_loop_lag *lag);

#endif
