/* SPDX-License-Identifier: MIT
 * The gzip stream: its header, one member, and what zlib reads from it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include <zlib.h>

#include "base/alloc.h"
#include "base/rng.h"
#include "pprof/gzip.h"
#include "pprof/encode.h"
#include "pprof/profile.h"

/* Inflates the one member that Z holds, to its very end. */
static lab_buf unzip_one_member(const lab_buf *z) {
  lab_buf out = LAB_BUF_INIT;
  z_stream s = {.next_in = (Bytef *)z->data, .avail_in = (uInt)z->len};
  assert_int_equal(inflateInit2(&s, MAX_WBITS + 16), Z_OK);
  int rc;
  do {
    s.next_out = (Bytef *)lab_buf_reserve(&out, 65536);
    s.avail_out = 65536;
    rc = inflate(&s, Z_NO_FLUSH);
    out.len += 65536 - s.avail_out;
  } while (rc == Z_OK);
  assert_int_equal(rc, Z_STREAM_END); /* the checksum is right, too */
  assert_int_equal(s.avail_in, 0);    /* and nothing follows */
  inflateEnd(&s);
  return out;
}

/* The length at the end, which collectors of profiles rely on. */
static uint32_t trailing_length(const lab_buf *z) {
  const unsigned char *p = (unsigned char *)z->data + z->len - 4;
  return p[0] | p[1] << 8 | p[2] << 16 | (uint32_t)p[3] << 24;
}

static void round_trip(const char *bytes, size_t n, size_t step) {
  lab_buf z = LAB_BUF_INIT;
  lab_gzip *g;
  assert_int_equal(lab_gzip_open(&g, &z), 0);
  for (size_t i = 0; i < n; i += step)
    lab_gzip_write(g, bytes + i, n - i < step ? n - i : step);
  lab_gzip_close(g);
  assert_memory_equal(z.data, "\x1f\x8b\x08\0\0\0\0\0\x04\xff", 10);
  assert_int_equal(trailing_length(&z), n);
  lab_buf back = unzip_one_member(&z);
  assert_int_equal(back.len, n);
  if (n > 0)
    assert_memory_equal(back.data, bytes, n);
  lab_buf_free(&back);
  lab_buf_free(&z);
}

static void empty(void **state) {
  (void)state;
  round_trip(NULL, 0, 1);
}

static void text(void **state) {
  (void)state;
  round_trip("a profile, a profile, a profile", 31, 31);
  round_trip("a profile, a profile, a profile", 31, 1);
}

/* Bytes that don't compress fill the output again and again. */
static void noise(void **state) {
  (void)state;
  enum { N = 1 << 20 };
  unsigned char *bytes = lab_xmalloc(N);
  uint64_t x = 1;
  for (size_t i = 0; i < N; i++)
    bytes[i] = (unsigned char)lab_rng_next(&x);
  round_trip((char *)bytes, N, N);
  round_trip((char *)bytes, N, 65537);
  lab_xfree(bytes);
}

/* The encoder writes more than one part. The result is one member, behind the
 * bytes that were in the buffer before. */
static void large_profile(void **state) {
  (void)state;
  lab_profile_type type = {"samples", "count"};
  lab_profile_config config = {
      .types = &type, .ntypes = 1, .period_type = type, .period = 1};
  lab_profile *p = lab_profile_new(&config);
  for (int64_t i = 1; i <= 30000; i++) {
    uint64_t l = lab_profile_location(p, 0, (uint64_t)i * 64, 0, 0);
    lab_profile_sample(p, &l, 1, &i, NULL, 0);
  }
  lab_buf raw = LAB_BUF_INIT, z = LAB_BUF_INIT;
  lab_buf_puts(&z, "before");
  assert_int_equal(lab_profile_finish(p, &z), 0);
  assert_int_equal(lab_profile_finish_raw(p, &raw), 0);
  assert_true(raw.len > 4 * 65536);
  assert_memory_equal(z.data, "before", 6);
  lab_buf back = unzip_one_member(&(lab_buf){z.data + 6, z.len - 6, 0, false});
  assert_int_equal(back.len, raw.len);
  assert_memory_equal(back.data, raw.data, raw.len);
  lab_buf_free(&back);
  lab_buf_free(&raw);
  lab_buf_free(&z);
  lab_profile_free(p);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(empty),
      cmocka_unit_test(text),
      cmocka_unit_test(noise),
      cmocka_unit_test(large_profile),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
