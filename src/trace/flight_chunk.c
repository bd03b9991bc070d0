/* SPDX-License-Identifier: MIT
 * See flight_chunk.h. */
#include "trace/flight_chunk.h"

#include "base/err.h"
#include "base/varint.h"

const uint8_t lab_flight_shapes[FLIGHT_KINDS] = {
    [FLIGHT_CREATE] = 5,
    [FLIGHT_START] = 1,
    [FLIGHT_BLOCK] = 3,
    [FLIGHT_YIELD] = 3,
    [FLIGHT_UNBLOCK] = 3,
    [FLIGHT_UNBLOCK_OLD] = 5,
    [FLIGHT_END] = 1,
    [FLIGHT_END_OLD] = 5,
    [FLIGHT_REGION] = 4 | FLIGHT_HAS_TEXT,
    [FLIGHT_TASK] = 3 | FLIGHT_HAS_TEXT,
    [FLIGHT_TASK_END] = 2,
    [FLIGHT_TASK_OLD] = 2 | FLIGHT_HAS_TEXT,
    [FLIGHT_LOG] = 1 | FLIGHT_HAS_TEXT,
    [FLIGHT_JOB] = 3 | FLIGHT_HAS_TEXT,
    [FLIGHT_GC_BEGIN] = 1,
    [FLIGHT_GC_END] = 2,
    [FLIGHT_HEAP] = 1,
};

void lab_flight_read_begin(lab_flight_reader *r, const lab_flight_chunk *c) {
  *r = (lab_flight_reader){c->bytes, c->bytes + c->len, c->first};
}

static uint64_t read_chunk_number(lab_flight_reader *r) {
  uint64_t n;
  r->at = lab_varint_get(r->at, r->end, &n);
  LAB_ASSERT(r->at); /* the lab itself has written it */
  return n;
}

bool lab_flight_read(lab_flight_reader *r, lab_flight_record *out) {
  if (r->at == r->end)
    return false;
  out->kind = (lab_flight_kind)*r->at++;
  r->now += read_chunk_number(r);
  out->now = r->now;
  uint8_t shape = lab_flight_shapes[out->kind];
  for (unsigned i = 0; i < (shape & (FLIGHT_HAS_TEXT - 1)); i++)
    out->args[i] = read_chunk_number(r);
  out->text = "";
  out->len = 0;
  if (shape & FLIGHT_HAS_TEXT) {
    out->len = read_chunk_number(r);
    out->text = (const char *)r->at;
    r->at += out->len;
  }
  return true;
}
