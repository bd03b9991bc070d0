/* SPDX-License-Identifier: MIT
 * The hashes with a key: SipHash-1-3, as other programs have it, and with a
 * key of this process alone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/hash.h"

enum { BYTES = 64 };

/* What CPython's siphash13 makes of the bytes 0, 1, 2..., under the key of the
 * bytes 0 to 15: 8 of them, and so many more. */
static const struct {
  size_t more;
  uint64_t hash;
} known[] = {
    {0, 0x369095118d299a8e}, {1, 0x25a48eb36c063de4},  {7, 0xd320d86d2a519956},
    {8, 0xcc4fdd1a7d908b66}, {15, 0x525a0e7fdae6c123}, {16, 0xf464aeb267349c8c},
};

static const uint64_t COUNTED = 0x0706050403020100;

static void set_hash_key(uint64_t first, uint64_t second) {
  lab_hash_key[0] = first;
  lab_hash_key[1] = second;
}

static void test_known_hashes(void **state) {
  (void)state;
  unsigned char bytes[BYTES];
  for (size_t i = 0; i < BYTES; i++)
    bytes[i] = (unsigned char)(8 + i);
  set_hash_key(COUNTED, 0x0f0e0d0c0b0a0908);
  for (size_t i = 0; i < sizeof known / sizeof *known; i++)
    assert_int_equal(lab_hash_bytes(bytes, known[i].more, COUNTED),
                     known[i].hash);
  assert_int_equal(lab_hash_id(COUNTED), known[0].hash);
}

/* Another key, another bit, another length: another hash. */
static void test_all_counts(void **state) {
  (void)state;
  unsigned char bytes[BYTES] = {0};
  uint64_t number = lab_hash_id(5);
  for (size_t n = 0; n < BYTES; n++) {
    set_hash_key(1, 2);
    uint64_t hash = lab_hash_bytes(bytes, n, 0);
    assert_int_equal(lab_hash_bytes(bytes, n, 0), hash);
    assert_int_not_equal(lab_hash_bytes(bytes, n, 1), hash);
    assert_int_not_equal(lab_hash_bytes(bytes, n + 1, 0), hash);
    for (size_t bit = 0; bit < 8 * n; bit++) {
      bytes[bit / 8] ^= (unsigned char)(1 << bit % 8);
      assert_int_not_equal(lab_hash_bytes(bytes, n, 0), hash);
      bytes[bit / 8] ^= (unsigned char)(1 << bit % 8);
    }
    set_hash_key(1, 3);
    assert_int_not_equal(lab_hash_bytes(bytes, n, 0), hash);
  }
  assert_int_not_equal(lab_hash_id(5), number);
}

#ifndef FUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION
/* The first test, before another one sets a key. */
static void test_key_is_chosen(void **state) {
  (void)state;
  assert_int_not_equal(lab_hash_key[0], COUNTED);
  assert_int_not_equal(lab_hash_key[0], 0);
  assert_int_not_equal(lab_hash_key[1], lab_hash_key[0]);
}
#endif

int main(void) {
  const struct CMUnitTest tests[] = {
#ifndef FUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION
      cmocka_unit_test(test_key_is_chosen),
#endif
      cmocka_unit_test(test_known_hashes),
      cmocka_unit_test(test_all_counts),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
