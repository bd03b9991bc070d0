/* SPDX-License-Identifier: MIT
 * Varints: written and read back, cut short, too long. What is read ends at a
 * page that can't be touched. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/varint.h"

static uint8_t *page_end; /* what begins here can't be touched */

static int map_pages(void **state) {
  (void)state;
  size_t page = (size_t)sysconf(_SC_PAGESIZE);
  uint8_t *p = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (p == MAP_FAILED)
    return -1;
  page_end = p + page;
  return mprotect(page_end, page, PROT_NONE);
}

/* Reads the N bytes; *READ is how many the number has, 0 if there is none. */
static uint64_t read_bytes(const uint8_t *bytes, size_t n, size_t *read) {
  uint64_t value;
  uint8_t *in = page_end - n;
  memcpy(in, bytes, n);
  const uint8_t *end = lab_varint_get(in, page_end, &value);
  *read = end ? (size_t)(end - in) : 0;
  return value;
}

static void numbers_are_read_as_they_were_written(void **state) {
  (void)state;
  static const struct {
    uint64_t value;
    size_t bytes;
  } cases[] = {{0, 1},          {1, 1},           {127, 1},
               {128, 2},        {16383, 2},       {16384, 3},
               {UINT32_MAX, 5}, {INT64_MAX, 9},   {1ull << 63, 10},
               {300, 2},        {UINT64_MAX, 10}, {UINT64_MAX - 1, 10}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    uint8_t bytes[LAB_VARINT_MAX];
    size_t n = (size_t)(lab_varint_put(bytes, cases[i].value) - bytes), read;
    assert_int_equal(n, cases[i].bytes);
    assert_true(read_bytes(bytes, n, &read) == cases[i].value);
    assert_int_equal(read, n);
    for (size_t cut = 0; cut < n; cut++) {
      read_bytes(bytes, cut, &read);
      assert_int_equal(read, 0);
    }
  }
  static const uint8_t known[] = {0xac, 0x02};
  size_t read;
  assert_int_equal(read_bytes(known, 2, &read), 300);
}

static void what_never_ends_is_refused(void **state) {
  (void)state;
  uint8_t bytes[LAB_VARINT_MAX + 10];
  size_t read;
  memset(bytes, 0x80, sizeof bytes);
  bytes[sizeof bytes - 1] = 0;
  read_bytes(bytes, sizeof bytes, &read);
  assert_int_equal(read, 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(numbers_are_read_as_they_were_written),
      cmocka_unit_test(what_never_ends_is_refused),
  };
  return cmocka_run_group_tests(tests, map_pages, NULL);
}
