/* SPDX-License-Identifier: MIT
 * Takes any bytes for the recording of a trace, and reads it record by record.
 * Checked: records lie within the bytes, one behind the other; and each is read
 * the same if the bytes end right behind it. */
#include "input.h"
#include "trace/decode.h"
#include "trace/wire.h"

static void check_record(const lab_trace_record *e, const uint8_t *from,
                         const lab_trace_decoder *d) {
  LAB_ASSERT(d->at > from && d->at <= d->end);
  LAB_ASSERT(e->type >= 0 && e->type < 64 && e->type != EV_BATCH);
  LAB_ASSERT(e->nargs <= LAB_TRACE_ARGS);
  if (e->type != EV_USER_LOG)
    return;
  const uint8_t *text = (const uint8_t *)e->text;
  LAB_ASSERT(text >= from && text + e->len == d->at);
}

static bool is_same_record(const lab_trace_record *a,
                           const lab_trace_record *b) {
  return a->type == b->type && a->proc == b->proc && a->ts == b->ts &&
         a->nargs == b->nargs &&
         memcmp(a->args, b->args, a->nargs * sizeof *a->args) == 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  lab_trace_decoder d, cut;
  lab_trace_record e, again;
  uint8_t *bytes = malloc(size + (size == 0));
  if (size > 0)
    memcpy(bytes, data, size);
  lab_trace_decode_begin(&d, bytes, size);
  for (;;) {
    cut = d;
    if (!lab_trace_decode(&d, &e))
      break;
    check_record(&e, cut.at, &d);
    cut.end = d.at;
    LAB_ASSERT(lab_trace_decode(&cut, &again));
    LAB_ASSERT(is_same_record(&e, &again) && cut.at == d.at);
  }
  LAB_ASSERT(d.at <= d.end);
  free(bytes);
  return 0;
}
