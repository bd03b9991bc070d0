/* SPDX-License-Identifier: MIT
 * Takes any bytes for what the process says that reads a scenario: a hostile
 * one may write anything. Checked: frames are whole and follow each other, the
 * same ones however often they are read, and what follows the last one is no
 * frame. */
#include "input.h"
#include "scenario/reading.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  lab_reading r = {0};
  lab_reader_frame frame = {0}, again;
  const char *bytes, *same;
  lab_buf_append(&r.got, data, size);
  size_t at = 0, end = 0;
  while (lab_reading_next(&r, &at, &frame, &bytes)) {
    LAB_ASSERT(bytes == r.got.data + end + sizeof frame);
    LAB_ASSERT(at == end + sizeof frame + frame.size && at <= size);
    size_t from = end;
    LAB_ASSERT(lab_reading_next(&r, &from, &again, &same));
    LAB_ASSERT(same == bytes && from == at);
    LAB_ASSERT(again.kind == frame.kind && again.size == frame.size);
    end = at;
  }
  LAB_ASSERT(at == end);
  if (size - end >= sizeof frame) { /* cut short */
    memcpy(&frame, data + end, sizeof frame);
    LAB_ASSERT(frame.size > size - end - sizeof frame);
  }
  lab_buf_free(&r.got);
  return 0;
}
