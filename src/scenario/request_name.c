/* SPDX-License-Identifier: MIT
 * See request_name.h. */
#include "scenario/request_name.h"

#include <string.h>

#include "trace/flight.h"
#include "trace/trace.h"

/* Writes as much of S to AT as there is room for, and a 0; returns where that
 * is. */
static char *append_bytes(char *at, const char *end, const char *s, size_t n) {
  size_t room = (size_t)(end - at) - 1;
  n = n < room ? n : room;
  memcpy(at, s, n);
  at[n] = '\0';
  return at + n;
}

size_t lab_request_write_name(const lab_request *x, char *out, size_t size) {
  char *end = out + size;
  char *at = append_bytes(out, end, x->method, x->method_len);
  at = append_bytes(at, end, " ", 1);
  at = append_bytes(at, end, x->path, x->path_len);
  return (size_t)(at - out);
}

void lab_request_tell_wait(const lab_request *x, uint64_t task) {
  enum { LONG = 20000000 }; /* ns: two slices of other tasks */
  uint64_t now = x->call.started;
  if (now < x->sent + LONG)
    return;
  if (lab_trace_on())
    lab_trace_queued(task, now - x->sent);
  if (lab_flight_on())
    lab_flight_queued(task, now - x->sent, now);
}
