/* SPDX-License-Identifier: MIT
 * The buffer grows as Go's does, the copy copies what it says, the generator is
 * reproducible, burning burns. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "mem/mem.h"
#include "prim/buffer.h"
#include "prim/cpu.h"

static void test_copy_grows_once_more(void **state) {
  (void)state;
  lab_buffer b;
  assert_int_equal(lab_buffer_init(&b, 10000000), 0);
  assert_int_equal(lab_copy_n(&b, &lab_random_reader, 10000000), 10000000);
  assert_int_equal(b.len, 10000000);
  assert_int_equal(b.cap, 2 * 10000000 + 512);
  lab_buffer_free(&b);
  assert_int_equal(lab_mem_app_bytes(), 0);
}

/* What Go 1.19's bytes.Buffer goes through under io.CopyN(n = 5000). */
static size_t seen[16];
static size_t nseen;
static lab_buffer *watched;

static ssize_t watch(lab_reader *self, void *out, size_t n) {
  (void)self;
  if (nseen == 0 || seen[nseen - 1] != watched->cap)
    seen[nseen++] = watched->cap;
  memset(out, 'x', n);
  return (ssize_t)n;
}

static void test_growth(void **state) {
  (void)state;
  static const size_t want[] = {512, 1536, 3584, 7680};
  lab_reader reader = {watch};
  lab_buffer b;
  watched = &b;
  lab_buffer_init(&b, 0);
  assert_int_equal(lab_copy_n(&b, &reader, 5000), 5000);
  assert_int_equal(nseen, 4);
  assert_memory_equal(seen, want, sizeof want);
  lab_buffer_free(&b);
}

/* Three bytes, EINTR, four bytes, then the end or an error. */
static int calls, last;

static ssize_t stutter(lab_reader *self, void *out, size_t n) {
  static const ssize_t script[] = {3, -EINTR, 4};
  (void)self;
  (void)n;
  if (calls == 3)
    return last;
  ssize_t got = script[calls++];
  if (got > 0)
    memset(out, 'a' + calls, (size_t)got);
  return got;
}

static void test_short_reads(void **state) {
  (void)state;
  lab_reader reader = {stutter};
  lab_buffer b;
  lab_buffer_init(&b, 0);
  last = 0;
  assert_int_equal(lab_copy_n(&b, &reader, 100), 7);
  assert_memory_equal(b.data, "bbbdddd", 7);
  calls = 0;
  last = -EIO;
  assert_int_equal(lab_copy_n(&b, &reader, 100), -EIO);
  assert_int_equal(b.len, 14);
  lab_buffer_free(&b);
}

static void test_out_of_memory(void **state) {
  (void)state;
  lab_buffer b;
  lab_buffer_init(&b, 0);
  assert_int_equal(lab_buffer_write(&b, "abc", 3), 0);
  lab_mem_set_limit(1 << 20);
  assert_int_equal(lab_buffer_grow(&b, 4 << 20), -ENOMEM);
  assert_int_equal(lab_copy_n(&b, &lab_random_reader, 4 << 20), -ENOMEM);
  assert_memory_equal(b.data, "abc", 3);
  lab_mem_set_limit(0);
  assert_int_equal(lab_buffer_grow(&b, SIZE_MAX - 1), -ENOMEM);
  assert_int_equal(lab_buffer_grow(&b, 4 << 20), 0);
  assert_memory_equal(b.data, "abc", 3);
  lab_buffer_free(&b);
  assert_int_equal(lab_mem_app_bytes(), 0);
}

static void test_prng(void **state) {
  (void)state;
  static unsigned char whole[100000], pieces[100000];
  lab_prng a, b;
  lab_prng_init(&a, 42);
  lab_prng_init(&b, 42);
  a.reader.read(&a.reader, whole, sizeof whole);
  for (size_t at = 0, n = 1; at < sizeof pieces; at += n, n = 1 + at % 97) {
    if (n > sizeof pieces - at)
      n = sizeof pieces - at;
    b.reader.read(&b.reader, pieces + at, n);
  }
  assert_memory_equal(whole, pieces, sizeof whole);
  lab_prng_init(&b, 43);
  b.reader.read(&b.reader, pieces, sizeof pieces);
  assert_memory_not_equal(whole, pieces, sizeof whole);
  /* Every value about 390 times; 5 standard deviations are 99. */
  unsigned count[256] = {0};
  for (size_t i = 0; i < sizeof whole; i++)
    count[whole[i]]++;
  for (int v = 0; v < 256; v++)
    assert_in_range(count[v], 290, 490);
}

static void test_cpu_time(void **state) {
  (void)state;
  atomic_bool stop = false;
  uint64_t before = lab_clock_thread_cpu();
  double used = lab_burn(0.1) + lab_spin(0.1, &stop);
  double really = (double)(lab_clock_thread_cpu() - before) / 1e9;
  assert_true(used >= 0.2 && used < 0.21);
  assert_true(really >= used && really < used + 0.01);
  atomic_store(&stop, true);
  assert_true(lab_spin(1000, &stop) < 1);
}

int main(void) {
  lab_mem_init();
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_copy_grows_once_more),
      cmocka_unit_test(test_growth),
      cmocka_unit_test(test_short_reads),
      cmocka_unit_test(test_out_of_memory),
      cmocka_unit_test(test_prng),
      cmocka_unit_test(test_cpu_time),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
