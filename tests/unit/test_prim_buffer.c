/* SPDX-License-Identifier: MIT
 * The buffer grows as Go's does, the copy copies what it says, the generator is
 * reproducible, burning burns. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <dlfcn.h>
#include <gnu/libc-version.h>

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

/* What bytes.Buffer goes through under io.CopyN(n = 5000): 2 * cap + 512. */
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
  nseen = 0;
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

/* The capacity after N bytes into a buffer of CAP that holds LEN already. */
static size_t cap_after(size_t cap, size_t len, size_t n) {
  lab_prng prng;
  lab_buffer b;
  lab_prng_init(&prng, 1);
  assert_int_equal(lab_buffer_init(&b, cap), 0);
  b.len = len;
  assert_int_equal(lab_copy_n(&b, &prng.reader, n), n);
  assert_int_equal(b.len, len + n);
  size_t after = b.cap;
  lab_buffer_free(&b);
  return after;
}

static void test_copy_numbers(void **state) {
  (void)state;
  assert_int_equal(cap_after(0, 0, 0), 512); /* the end is looked for as well */
  assert_int_equal(cap_after(0, 0, 1), 1536);
  assert_int_equal(cap_after(0, 0, 512), 1536);
  assert_int_equal(cap_after(0, 0, 1024), 1536);
  assert_int_equal(cap_after(0, 0, 1025), 3584);
  assert_int_equal(cap_after(1000, 0, 488), 1000); /* 512 stay free */
  assert_int_equal(cap_after(1000, 0, 489), 2512);
  assert_int_equal(cap_after(1000, 1000, 0), 2512);
  assert_int_equal(cap_after(511, 0, 0), 1534);
  /* Around the size of one read of the copy. */
  size_t piece = 256 << 10;
  assert_int_equal(cap_after(piece + 512, 0, piece), piece + 512);
  assert_int_equal(cap_after(piece + 511, 0, piece), 2 * (piece + 511) + 512);
  assert_int_equal(cap_after(3 * piece, 0, 3 * piece), 6 * piece + 512);
}

static void test_write_and_grow(void **state) {
  (void)state;
  lab_buffer b;
  assert_int_equal(lab_buffer_init(&b, 0), 0);
  assert_null(b.data);
  assert_int_equal(lab_buffer_grow(&b, 0), 0);
  assert_int_equal(lab_buffer_write(&b, NULL, 0), 0);
  assert_int_equal(b.cap, 0);
  assert_int_equal(lab_buffer_write(&b, "abc", 3), 0);
  assert_int_equal(b.cap, 64);
  assert_int_equal(lab_buffer_grow(&b, 61), 0);
  assert_int_equal(b.cap, 64);
  assert_int_equal(lab_buffer_grow(&b, 62), 0);
  assert_int_equal(b.cap, 2 * 64 + 62);
  assert_int_equal(b.len, 3);
  char *data = b.data;
  lab_buffer_reset(&b);
  assert_int_equal(b.len, 0);
  assert_int_equal(lab_buffer_write(&b, "defg", 4), 0);
  assert_ptr_equal(b.data, data);
  assert_memory_equal(b.data, "defg", 4);
  lab_buffer_free(&b);
  assert_int_equal(lab_buffer_grow(&b, 65), 0); /* as new */
  assert_int_equal(b.cap, 65);
  lab_buffer_free(&b);
  assert_int_equal(lab_mem_app_bytes(), 0);
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
  calls = 0;
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
  assert_int_equal(lab_buffer_grow(&b, PTRDIFF_MAX - 100), -ENOMEM);
  assert_int_equal(lab_copy_n(&b, &lab_random_reader, SIZE_MAX), -EINVAL);
  assert_int_equal(lab_buffer_grow(&b, 4 << 20), 0);
  assert_memory_equal(b.data, "abc", 3);
  lab_buffer_free(&b);
  assert_int_equal(lab_mem_app_bytes(), 0);
}

/* Memory ends in the middle: what was copied is there, and counted. */
static void test_out_of_memory_on_the_way(void **state) {
  (void)state;
  lab_buffer b;
  lab_prng prng;
  static unsigned char want[1 << 20];
  lab_prng_init(&prng, 3);
  lab_prng_read(&prng.reader, want, sizeof want);
  lab_prng_init(&prng, 3);
  assert_int_equal(lab_buffer_init(&b, 0), 0);
  lab_mem_set_limit(1 << 20);
  assert_int_equal(lab_copy_n(&b, &prng.reader, 1 << 24), -ENOMEM);
  lab_mem_set_limit(0);
  assert_true(b.len > 100000 && b.cap - b.len < 512);
  assert_memory_equal(b.data, want, b.len);
  assert_int_equal(lab_mem_app_bytes(), b.cap);
  lab_buffer_free(&b);
  assert_int_equal(lab_buffer_init(&b, SIZE_MAX), -ENOMEM);
  assert_null(b.data);
  assert_int_equal(b.cap, 0);
}

/* Since glibc 2.41, with kernels that have it. */
static bool is_getrandom_in_vdso(void) {
  void *vdso = dlopen("linux-vdso.so.1", RTLD_LAZY | RTLD_NOLOAD);
  return vdso && dlsym(vdso, "__vdso_getrandom") &&
         strverscmp(gnu_get_libc_version(), "2.41") >= 0;
}

static void test_random_differs(void **state) {
  (void)state;
  unsigned char a[64] = {0}, b[64] = {0};
  assert_int_equal(lab_random_read(&lab_random_reader, a, sizeof a), 64);
  assert_int_equal(lab_random_read(&lab_random_reader, b, sizeof b), 64);
  assert_memory_not_equal(a, b, sizeof a);
  /* Where getrandom runs in user space, a bad address is a crash. */
  if (!is_getrandom_in_vdso())
    assert_int_equal(lab_random_read(&lab_random_reader, (void *)8, 4096),
                     -EFAULT);
}

/* xoshiro256++ from the state 1, 2, 3, 4, in every lane: three values that a
 * calculator gives from its definition. */
static void test_prng_formula(void **state) {
  (void)state;
  static const uint64_t want[] = {41943041, 58720359, 3588806011781223};
  lab_prng p;
  uint64_t out[3][4];
  lab_prng_init(&p, 0);
  for (int i = 0; i < 16; i++)
    p.state[i] = (uint64_t)i / 4 + 1;
  assert_int_equal(lab_prng_read(&p.reader, out, sizeof out), sizeof out);
  for (int i = 0; i < 12; i++)
    assert_true(out[i / 4][i % 4] == want[i / 4]);
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
      cmocka_unit_test(test_copy_numbers),
      cmocka_unit_test(test_write_and_grow),
      cmocka_unit_test(test_short_reads),
      cmocka_unit_test(test_out_of_memory),
      cmocka_unit_test(test_out_of_memory_on_the_way),
      cmocka_unit_test(test_random_differs),
      cmocka_unit_test(test_prng_formula),
      cmocka_unit_test(test_prng),
      cmocka_unit_test(test_cpu_time),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
