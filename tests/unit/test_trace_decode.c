/* SPDX-License-Identifier: MIT
 * Reading a recording whose bytes are cut off or make no sense. The bytes end
 * at an inaccessible page. */
#include "base/rng.h"
#include "guard_page.h"
#include "trace/decode.h"
#include "base/varint.h"
#include "trace/wire.h"

enum { ROOM = 4096 };

/* The records of the bytes that BYTES begins with. Each must lie within
 * them. */
static unsigned count_records(const char *bytes, size_t len) {
  lab_trace_decoder d;
  lab_trace_record e = {0};
  unsigned n = 0;
  lab_trace_decode_begin(&d, bytes, len);
  while (lab_trace_decode(&d, &e)) {
    assert_true(e.nargs <= LAB_TRACE_ARGS);
    if (e.type == EV_USER_LOG) {
      assert_true(e.text >= bytes && e.text <= bytes + len);
      assert_true(e.len <= (size_t)(bytes + len - e.text));
    }
    assert_true(d.at <= d.end);
    n++;
  }
  return n;
}

static unsigned count_guarded(guard_page *g, const void *bytes, size_t len) {
  unsigned n = count_records(guard_page_begin(g, bytes, len), len);
  assert_int_equal(count_records(guard_page_end(g, bytes, len), len), n);
  return n;
}

/* A header, a batch, and three records: of one number, of five and the time,
 * and a line of the log. */
static size_t write_recording(uint8_t *out) {
  uint8_t *p = out;
  memcpy(p, LAB_TRACE_HEADER, sizeof LAB_TRACE_HEADER);
  p += sizeof LAB_TRACE_HEADER;
  *p++ = EV_BATCH | 1 << 6;
  p = lab_varint_put(p, VM_PROC);
  p = lab_varint_put(p, 1000);
  *p++ = EV_GO_END;
  p = lab_varint_put(p, 300);
  *p++ = (uint8_t)(EV_CPU_SAMPLE | 3 << 6);
  p = lab_varint_put(p, 6 + LAB_VARINT_MAX - 1);
  for (uint64_t i = 1; i <= 5; i++)
    p = lab_varint_put(p, i);
  p = lab_varint_put(p, UINT64_MAX);
  *p++ = (uint8_t)(EV_USER_LOG | 3 << 6);
  p = lab_varint_put(p, 4);
  for (uint64_t i = 0; i < 4; i++)
    p = lab_varint_put(p, i);
  p = lab_varint_put(p, 5);
  memcpy(p, "hello", 5);
  return (size_t)(p + 5 - out);
}

static void reads_a_whole_recording(void **state) {
  uint8_t bytes[256];
  lab_trace_decoder d;
  lab_trace_record e;
  guard_page g;
  (void)state;
  size_t len = write_recording(bytes);
  guard_page_open(&g, ROOM);
  lab_trace_decode_begin(&d, guard_page_end(&g, bytes, len), len);
  assert_true(lab_trace_decode(&d, &e));
  assert_int_equal(e.type, EV_GO_END);
  assert_int_equal(e.proc, VM_PROC);
  assert_true(e.ts == 1300 && e.nargs == 0);
  assert_true(lab_trace_decode(&d, &e));
  assert_int_equal(e.type, EV_CPU_SAMPLE);
  assert_true(e.ts == 1301 && e.nargs == 5);
  assert_true(e.args[0] == 2 && e.args[4] == UINT64_MAX);
  assert_true(lab_trace_decode(&d, &e));
  assert_int_equal(e.type, EV_USER_LOG);
  assert_int_equal(e.len, 5);
  assert_memory_equal(e.text, "hello", 5);
  assert_false(lab_trace_decode(&d, &e));
  assert_ptr_equal(d.at, d.end);
  guard_page_close(&g);
}

/* Cut off anywhere, the records before the cut are read. */
static void may_be_cut_off_anywhere(void **state) {
  uint8_t bytes[256];
  guard_page g;
  (void)state;
  size_t len = write_recording(bytes);
  unsigned before = 0;
  guard_page_open(&g, ROOM);
  for (size_t cut = 0; cut <= len; cut++) {
    unsigned n = count_guarded(&g, bytes, cut);
    if (cut >= sizeof LAB_TRACE_HEADER) {
      assert_true(n == before || n == before + 1);
      before = n;
    }
  }
  assert_int_equal(before, 3);
  guard_page_close(&g);
}

/* Lengths and numbers that point outside the bytes. */
static void refuses_wrong_lengths(void **state) {
  static const struct {
    const char *bytes;
    size_t len;
  } cases[] = {
      {"\xcd\x7f\x01", 3}, /* 127 bytes, one is there */
      {"\xcd\xff\xff\xff\xff\xff\xff\xff\xff\x7f", 10},
      {"\xcd\x01\x80\x01", 4},                     /* ends inside a number */
      {"\xcd\x00", 2},                             /* not even a time */
      {"\xcd\x07\x01\x01\x01\x01\x01\x01\x01", 9}, /* one number too many */
      {"\x0f\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01", 13},
      {"\xf0\x04\x01\x01\x01\x01\x7fx", 8}, /* a log line of 127 bytes */
      {"\xf0\x04\x01\x01\x01\x01", 6},      /* its length is missing */
      {"\xf0\x04\x01\x01\x01\x01\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 16},
      {"\x41\x00", 2}, /* a batch without its time */
  };
  guard_page g;
  (void)state;
  guard_page_open(&g, ROOM);
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
    assert_int_equal(count_guarded(&g, cases[i].bytes, cases[i].len), 0);
  guard_page_close(&g);
}

static void takes_any_bytes(void **state) {
  uint8_t bytes[64];
  uint64_t seed = 1;
  guard_page g;
  unsigned records = 0;
  (void)state;
  guard_page_open(&g, ROOM);
  for (int i = 0; i < 20000; i++) {
    size_t len = lab_rng_next(&seed) % (sizeof bytes + 1);
    for (size_t k = 0; k < len; k++)
      bytes[k] = (uint8_t)lab_rng_next(&seed);
    records += count_guarded(&g, bytes, len);
  }
  assert_true(records > 10000); /* some of it does make sense */
  guard_page_close(&g);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(reads_a_whole_recording),
      cmocka_unit_test(may_be_cut_off_anywhere),
      cmocka_unit_test(refuses_wrong_lengths),
      cmocka_unit_test(takes_any_bytes),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
