/* SPDX-License-Identifier: MIT
 * See trace_why.h. */
#include "vm/trace_why.h"

lab_trace_why lab_trace_map_wait(lab_wait why) {
  switch (why) {
  case LAB_WAIT_SLEEP:
    return LAB_TRACE_SLEEP;
  case LAB_WAIT_WORKER:
    return LAB_TRACE_SYSCALL;
  case LAB_WAIT_MUTEX:
  case LAB_WAIT_RLOCK:
  case LAB_WAIT_WLOCK:
  case LAB_WAIT_POOL:
  case LAB_WAIT_WAIT_GROUP: /* as Go's semaphores are */
    return LAB_TRACE_SYNC;
  case LAB_WAIT_SEND:
    return LAB_TRACE_SEND;
  case LAB_WAIT_RECEIVE:
    return LAB_TRACE_RECEIVE;
  case LAB_WAIT_SELECT:
    return LAB_TRACE_SELECT;
  case LAB_WAIT_NET:
    return LAB_TRACE_NET;
  case LAB_WAIT_JOIN:
    return LAB_TRACE_COND;
  default:
    return LAB_TRACE_BLOCK;
  }
}
