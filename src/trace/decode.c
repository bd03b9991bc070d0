/* SPDX-License-Identifier: MIT
 * See decode.h. The bytes may end anywhere, or be nonsense: nothing behind
 * their end is read. */
#include "trace/decode.h"

#include <string.h>

#include "base/varint.h"
#include "trace/wire.h"

void lab_trace_decode_begin(lab_trace_decoder *d, const void *bytes, size_t n) {
  size_t head = sizeof LAB_TRACE_HEADER;
  bool first = n >= head && memcmp(bytes, LAB_TRACE_HEADER, head) == 0;
  d->at = (const uint8_t *)bytes + (first ? head : 0);
  d->end = (const uint8_t *)bytes + n;
  d->proc = NO_PROC;
  d->ts = 0;
}

static bool read_number(lab_trace_decoder *d, uint64_t *out) {
  const uint8_t *next = lab_varint_get(d->at, d->end, out);
  if (next)
    d->at = next;
  return next != NULL;
}

/* The numbers of a record with N as its first byte says: N + 1 numbers, or, for
 * 3, as many as the length in bytes that comes before them holds. */
static bool read_numbers(lab_trace_decoder *d, unsigned n, uint64_t *out,
                         unsigned *count) {
  uint64_t len;
  *count = 0;
  if (n < 3) {
    while (*count < n + 1 && read_number(d, &out[*count]))
      ++*count;
    return *count == n + 1;
  }
  if (!read_number(d, &len) || len > (uint64_t)(d->end - d->at))
    return false;
  const uint8_t *end = d->at + len;
  while (d->at < end && *count <= LAB_TRACE_ARGS &&
         read_number(d, &out[*count]))
    ++*count;
  return d->at == end;
}

static bool read_text(lab_trace_decoder *d, lab_trace_record *out) {
  uint64_t len;
  if (!read_number(d, &len) || len > (uint64_t)(d->end - d->at))
    return false;
  out->text = (const char *)d->at;
  out->len = len;
  d->at += len;
  return true;
}

bool lab_trace_decode(lab_trace_decoder *d, lab_trace_record *out) {
  while (d->at < d->end) {
    uint64_t values[LAB_TRACE_ARGS + 1];
    unsigned n;
    out->type = *d->at & 63;
    if (!read_numbers(d, *d->at++ >> 6, values, &n) || n == 0)
      return false;
    if (out->type == EV_BATCH && n < 2)
      return false;
    if (out->type == EV_BATCH) {
      d->proc = (int)(int64_t)values[0];
      d->ts = values[1];
      continue;
    }
    d->ts += values[0];
    out->ts = d->ts;
    out->proc = d->proc;
    out->nargs = n - 1;
    memcpy(out->args, values + 1, (n - 1) * sizeof *values);
    return out->type != EV_USER_LOG || read_text(d, out);
  }
  return false;
}
