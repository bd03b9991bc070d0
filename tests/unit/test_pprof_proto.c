/* SPDX-License-Identifier: MIT
 * The bytes of protobuf, compared with what the encoding's manual says. */
#include "pprof/proto.h"

#include "pprof_decode.h"

static void assert_bytes(lab_buf *b, const char *bytes, size_t n) {
  assert_int_equal(b->len, n);
  assert_memory_equal(b->data, bytes, n);
  lab_buf_free(b);
}
#define ASSERT_BYTES(b, literal) assert_bytes(b, literal, sizeof(literal) - 1)

static void varints(void **state) {
  (void)state;
  lab_buf b = LAB_BUF_INIT;
  lab_proto_varint(&b, 0);
  lab_proto_varint(&b, 127);
  lab_proto_varint(&b, 128);
  lab_proto_varint(&b, 300);
  lab_proto_varint(&b, UINT64_MAX);
  ASSERT_BYTES(&b, "\x00\x7f\x80\x01\xac\x02"
                   "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01");
}

static void fields(void **state) {
  (void)state;
  lab_buf b = LAB_BUF_INIT;
  lab_proto_uint(&b, 1, 150);
  lab_proto_uint(&b, 2, 0); /* absent */
  lab_proto_int(&b, 16, -2);
  lab_proto_bytes(&b, 2, "testing", 7);
  lab_proto_bytes(&b, 3, "", 0); /* there, as an element is */
  ASSERT_BYTES(&b, "\x08\x96\x01"
                   "\x80\x01\xfe\xff\xff\xff\xff\xff\xff\xff\xff\x01"
                   "\x12\x07testing"
                   "\x1a\x00");
}

static void nesting(void **state) {
  (void)state;
  lab_buf b = LAB_BUF_INIT;
  size_t outer = lab_proto_begin(&b, 1);
  size_t inner = lab_proto_begin(&b, 2);
  lab_proto_uint(&b, 3, 4);
  lab_proto_end(&b, inner);
  size_t empty = lab_proto_begin(&b, 5);
  lab_proto_end(&b, empty);
  lab_proto_end(&b, outer);
  ASSERT_BYTES(&b, "\x0a\x06\x12\x02\x18\x04\x2a\x00");
}

/* Lengths around those where the length itself becomes a byte longer. */
static void long_messages(void **state) {
  (void)state;
  static const size_t lengths[] = {0, 1, 127, 128, 129, 16383, 16384, 300000};
  for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
    lab_buf b = LAB_BUF_INIT;
    size_t m = lab_proto_begin(&b, 7);
    for (size_t j = 0; j < lengths[i]; j++)
      lab_buf_putc(&b, (char)j);
    lab_proto_end(&b, m);
    lab_proto_uint(&b, 8, 9);
    pb_in in = {(unsigned char *)b.data, (unsigned char *)b.data + b.len};
    pb_field f = pb_next(&in);
    assert_true(f.nested && f.number == 7);
    assert_int_equal(f.in.end - f.in.at, lengths[i]);
    for (size_t j = 0; j < lengths[i]; j++)
      assert_int_equal(f.in.at[j], (unsigned char)j);
    f = pb_next(&in);
    assert_true(f.number == 8 && f.value == 9 && in.at == in.end);
    lab_buf_free(&b);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(varints),
      cmocka_unit_test(fields),
      cmocka_unit_test(nesting),
      cmocka_unit_test(long_messages),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
