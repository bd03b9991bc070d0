/* SPDX-License-Identifier: MIT
 * See decode.h. */
#include "trace/decode.h"

#include <string.h>

#include "base/varint.h"
#include "trace/go.h"
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

/* LEN bytes, as the number before them says. */
static bool read_text(lab_trace_decoder *d, lab_trace_record *out) {
  uint64_t len;
  if (!read_number(d, &len) || len > (uint64_t)(d->end - d->at))
    return false;
  out->text = (const char *)d->at;
  out->len = len;
  d->at += len;
  return true;
}

/* The records of the tables at the end, which have no time. */
static bool is_table_record(int type) {
  return type == EV_FREQUENCY || type == EV_STACK || type == EV_STRING;
}

static bool read_table_record(lab_trace_decoder *d, unsigned n,
                              lab_trace_record *out) {
  out->ts = d->ts;
  out->proc = d->proc;
  out->nargs = 0;
  if (out->type == EV_STACK)
    return n == 3 && read_text(d, out);
  out->nargs = 1;
  return n == 0 && read_number(d, &out->args[0]) &&
         (out->type == EV_FREQUENCY || read_text(d, out));
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

static bool read_record(lab_trace_decoder *d, lab_trace_record *out) {
  uint64_t values[LAB_TRACE_ARGS + 1];
  unsigned n;
  out->type = *d->at & 63;
  unsigned form = *d->at++ >> 6;
  if (is_table_record(out->type))
    return read_table_record(d, form, out);
  if (!read_numbers(d, form, values, &n) || n == 0)
    return false;
  if (out->type == EV_BATCH) {
    if (n < 2)
      return false;
    d->proc = (int)(int64_t)values[0];
    d->ts = values[1];
    return true;
  }
  d->ts += values[0];
  out->ts = d->ts;
  out->proc = d->proc;
  out->nargs = n - 1;
  memcpy(out->args, values + 1, (n - 1) * sizeof *values);
  return out->type != EV_USER_LOG || read_text(d, out);
}

bool lab_trace_decode(lab_trace_decoder *d, lab_trace_record *out) {
  while (d->at < d->end) {
    const uint8_t *from = d->at;
    if (!read_record(d, out)) {
      d->at = from; /* what is cut off isn't the end */
      return false;
    }
    if (out->type != EV_BATCH)
      return true;
  }
  return false;
}

size_t lab_trace_decode_stack(const lab_trace_record *e, uint64_t *id,
                              lab_trace_record_frame *out, size_t max) {
  lab_trace_decoder d = {.at = (const uint8_t *)e->text};
  d.end = d.at + e->len;
  uint64_t n;
  if (!read_number(&d, id) || !read_number(&d, &n))
    return 0;
  for (size_t i = 0; i < n && i < max; i++) {
    lab_trace_record_frame *f = &out[i];
    if (!read_number(&d, &f->pc) || !read_number(&d, &f->function) ||
        !read_number(&d, &f->file) || !read_number(&d, &f->line))
      return 0;
  }
  return n < max ? (size_t)n : max;
}

int lab_trace_decode_why(int type) {
  switch (type) {
  case EV_GO_BLOCK:
    return LAB_TRACE_BLOCK;
  case EV_GO_SLEEP:
    return LAB_TRACE_SLEEP;
  case EV_GO_BLOCK_SEND:
    return LAB_TRACE_SEND;
  case EV_GO_BLOCK_RECV:
    return LAB_TRACE_RECEIVE;
  case EV_GO_BLOCK_SELECT:
    return LAB_TRACE_SELECT;
  case EV_GO_BLOCK_SYNC:
    return LAB_TRACE_SYNC;
  case EV_GO_BLOCK_COND:
    return LAB_TRACE_COND;
  case EV_GO_BLOCK_NET:
    return LAB_TRACE_NET;
  case EV_GO_SYSCALL:
    return LAB_TRACE_SYSCALL;
  default:
    return -1;
  }
}
