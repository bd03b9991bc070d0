/* SPDX-License-Identifier: MIT
 * Reading profiles: messages made by hand for each rule, and whether Go's tool
 * takes and refuses the same ones. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/alloc.h"
#include "guard_page.h"
#include "pprof/decode.h"
#include "pprof/encode.h"
#include "pprof/gunzip.h"
#include "pprof/gzip.h"
#include "pprof/profile.h"
#include "pprof_message.h"
#include "temp_name.h"

/* ---- cases --------------------------------------------------------------- */

#define STRINGS                                                                \
  "6'' 6'cpu' 6'nanoseconds' 6'main.f' 6'/src/f.go' 6'step' 6'mutex' "
#define TYPE "1{1=1 2=2} "
#define FUNCTION "5{1=1 2=3 4=4 5=10} "
#define LOCATION "4{1=1 3=0x10 4{1=1 2=12}} "
#define SAMPLE "2{1=1 2=5} "
#define USUAL STRINGS TYPE FUNCTION LOCATION SAMPLE

/* WRONG: what the message says; NULL: it is a profile. */
static const struct {
  const char *what, *message, *wrong;
} cases[] = {
    {"usual", USUAL, NULL},
    {"order", SAMPLE LOCATION FUNCTION TYPE STRINGS, NULL},
    {"types without samples", STRINGS TYPE, NULL},
    {"a sample without a stack", STRINGS TYPE "2{2=5}", NULL},
    {"packed", STRINGS TYPE FUNCTION LOCATION "2{1[1 1] 2[7]}", NULL},
    {"packed and not", STRINGS TYPE FUNCTION LOCATION "2{1=1 1[1 1] 2[7] 1=1}",
     NULL},
    {"an empty packed field", STRINGS TYPE FUNCTION LOCATION "2{1[] 2[7] 2[]}",
     NULL},
    {"sparse ids",
     STRINGS TYPE "5{1=9000000000 2=3} 5{1=3 2=3} 4{1=77 4{1=9000000000}} "
                  "4{1=5 4{1=3}} 2{1=77 1=5 2=1}",
     NULL},
    {"a location without lines", STRINGS TYPE "4{1=1 3=16} 2{1=1 2=5}", NULL},
    {"a mapping that isn't there",
     STRINGS TYPE FUNCTION "4{1=1 2=8 4{1=1}} 2{1=1 2=5}", NULL},
    {"fields that aren't known", USUAL "99=1 100'x' 101!8 102!4 15=4 16{1=1}",
     NULL},
    {"the same within messages",
     STRINGS TYPE FUNCTION "4{1=1 4{1=1 9'x'} 7!4} 2{1=1 2=5 9!8 12=1}", NULL},
    {"labels",
     STRINGS TYPE FUNCTION LOCATION
     "2{1=1 2=5 3{1=5 2=6} 3{1=5 3=-3} 3{1=5 3=4 4=2} 3{1=5}}",
     NULL},
    {"all of the header",
     USUAL "3{1=1 2=4096 3=8192 5=4 6=6} 7=1 8=3 9=1700000000000000000 "
           "10=5 11{1=1 2=2} 12=100 13=5 13[6 6] 14=1",
     NULL},
    {"a later number counts", USUAL "12=1 12=2 10=1 10=3", NULL},
    {"a long varint",
     STRINGS TYPE FUNCTION LOCATION "2{1=1 ~10~85~80~80~80~80~80~80~80~80~00}",
     NULL},
    {"an empty string twice", STRINGS "6'' " TYPE FUNCTION LOCATION SAMPLE,
     NULL},

    {"empty", "", "it is empty"},
    {"no strings", TYPE, "string 0 isn't in the profile"},
    {"a first string that isn't empty", "6'x' " USUAL,
     "byte 0: string 0 isn't empty"},
    {"no such string", USUAL "14=7", "string 7 isn't in the profile"},
    {"a string below 0", USUAL "14=-1", "string -1 isn't in the profile"},
    {"no such function name", USUAL "5{1=2 2=99}", "function 2: string 99"},
    {"no such label", STRINGS TYPE "2{2=5 3{1=5 2=70}}",
     "sample 1: string 70 isn't"},
    {"no such location", STRINGS TYPE FUNCTION LOCATION "2{1=2 2=5}",
     "sample 1: location 2 isn't in the profile"},
    {"no such function", STRINGS TYPE FUNCTION "4{1=1 4{1=2}}",
     "location 1: function 2 isn't in the profile"},
    {"a line without a function", STRINGS TYPE FUNCTION "4{1=1 4{2=2}}",
     "location 1: function 0 isn't"},
    {"a location with id 0", STRINGS "4{3=5}", "location 1: its id is 0"},
    {"a function with id 0", STRINGS "5{2=3}", "function 1: its id is 0"},
    {"a mapping with id 0", STRINGS "3{2=3}", "mapping 1: its id is 0"},
    {"two locations", USUAL "4{1=1}", "two locations have the id 1"},
    {"two functions", USUAL "5{1=1}", "two functions have the id 1"},
    {"two mappings", USUAL "3{1=3} 3{1=3}", "two mappings have the id 3"},
    {"too few values", STRINGS TYPE TYPE FUNCTION LOCATION SAMPLE,
     "sample 1: it has 1 values, and the profile has 2 types"},
    {"too many values", USUAL "2{1=1 2=5 2=5}", "sample 2: it has 2 values"},
    {"samples without types", STRINGS "2{2=5}", "sample 1: it has 1 values"},
    {"two profiles", USUAL "9=5 " USUAL "9=6", "two profiles in one file"},
    {"a number as a text", STRINGS "14'x'", ": a field has the wrong type"},
    {"a text as a number", STRINGS "6=3", ": a field has the wrong type"},
    {"a message as a number", USUAL "2=3", ": a field has the wrong type"},
    {"an id as a fixed number", STRINGS TYPE "2{1!8}", "sample 1, byte"},
    {"a varint too long", STRINGS "~60~80~80~80~80~80~80~80~80~80~80~01",
     "byte 52: a number is cut short or too long"},
    {"a packed varint too long",
     STRINGS TYPE "2{2{~80~80~80~80~80~80~80~80~80~80~01}}", "sample 1, byte"},
    {"a packed varint cut short", STRINGS TYPE "2{2{~80}}", "sample 1, byte"},
    {"a group", STRINGS "~0b", "a type that doesn't exist"},
    {"a message cut short", STRINGS "~12~05", "byte 52: it is cut short"},
    {"a fixed number cut short", STRINGS "~79~05", "a number is cut short"},
};

enum { CASES = sizeof cases / sizeof *cases };

static guard_page page;

static int open_page(void **state) {
  (void)state;
  guard_page_open(&page, 4096);
  return 0;
}

static int close_page(void **state) {
  (void)state;
  guard_page_close(&page);
  return 0;
}

/* Reads TEXT's message; the caller frees it. */
static lab_pprof *read_message(const char *text) {
  lab_buf m = message_make(text);
  lab_pprof *p;
  lab_err err;
  int rc = lab_pprof_decode(&p, guard_page_end(&page, m.data, m.len), m.len,
                            NULL, &err);
  lab_buf_free(&m);
  if (rc)
    fail_msg("%s: %s", text, err.text);
  return p;
}

static void each_case(void **state) {
  (void)state;
  for (size_t i = 0; i < CASES; i++) {
    lab_buf m = message_make(cases[i].message);
    const char *at[] = {guard_page_end(&page, m.data, m.len), NULL};
    for (int side = 0; side < 2; side++) {
      lab_pprof *p;
      lab_err err = {""};
      if (side == 1)
        at[1] = guard_page_begin(&page, m.data, m.len);
      int rc = lab_pprof_decode(&p, at[side], m.len, NULL, &err);
      if (cases[i].wrong &&
          (rc != -EINVAL || p || !strstr(err.text, cases[i].wrong)))
        fail_msg("%s: %d \"%s\"", cases[i].what, rc, err.text);
      if (!cases[i].wrong && rc != 0)
        fail_msg("%s: %d \"%s\"", cases[i].what, rc, err.text);
      lab_pprof_free(p);
    }
    lab_buf_free(&m);
  }
}

static int run_shell(const char *command) {
  FILE *f = popen(command, "r");
  assert_non_null(f);
  return pclose(f);
}

static void go_agrees(void **state) {
  (void)state;
  char path[TEMP_NAME], command[128];
  if (run_shell("go tool -n pprof >/dev/null 2>&1") != 0)
    skip();
  int fd = mkstemp(write_temp_name(path, "lab-decode"));
  assert_true(fd >= 0);
  snprintf(command, sizeof command, "go tool pprof -raw %s >/dev/null 2>&1",
           path);
  for (size_t i = 0; i < CASES; i++) {
    lab_buf m = message_make(cases[i].message);
    assert_int_equal(ftruncate(fd, 0), 0);
    assert_int_equal(pwrite(fd, m.data ? m.data : "", m.len, 0), m.len);
    lab_buf_free(&m);
    int rc = run_shell(command);
    if ((rc != 0) != (cases[i].wrong != NULL))
      fail_msg("%s: go tool pprof ended with %d", cases[i].what, rc);
  }
  close(fd);
  unlink(path);
}

/* ---- what is read -------------------------------------------------------- */

static void whole_header(void **state) {
  (void)state;
  lab_pprof *p = read_message(
      USUAL "3{1=7 2=4096 3=8192 4=1 5=4 6=6} 7=1 8=3 9=17 10=5 11{1=1 2=2} "
            "12=100 13=5 13[6 4] 14=1");
  assert_int_equal(p->ntypes, 1);
  assert_string_equal(p->types[0].type, "cpu");
  assert_string_equal(p->types[0].unit, "nanoseconds");
  assert_string_equal(p->period_type.type, "cpu");
  assert_int_equal(p->period, 100);
  assert_int_equal(p->time_ns, 17);
  assert_int_equal(p->duration_ns, 5);
  assert_string_equal(p->drop_frames, "cpu");
  assert_string_equal(p->keep_frames, "main.f");
  assert_int_equal(p->ncomments, 3);
  assert_string_equal(p->comments[0], "step");
  assert_string_equal(p->comments[2], "/src/f.go");
  assert_int_equal(p->nmappings, 1);
  assert_int_equal(p->mappings[0].limit, 8192);
  assert_string_equal(p->mappings[0].build_id, "mutex");
  lab_pprof_free(p);
}

static void stack_with_inlined(void **state) {
  (void)state;
  lab_pprof *p = read_message(
      STRINGS TYPE "2{1[20 30] 2=-5 3{1=5 2=6} 3{1=5 3=-3} 3{1=5 3=4 4=2} "
                   "3{1=5}} 4{1=30 3=9} "
                   "4{1=20 2=8 4{1=2 2=7} 4{1=1 2=12}} 5{1=2 2=6} "
                   "5{1=1 2=3 3=1 4=4 5=10} 6'mutex' 5{1=3 2=7} 3{1=8}");
  const lab_pprof_sample *s = &p->samples[0];
  assert_int_equal(s->values[0], -5);
  lab_pprof_walk walk = {.p = p, .s = s};
  lab_pprof_line frame = {0};
  uint32_t at = 0;
  static const char *const names[] = {"mutex", "main.f", NULL};
  static const int64_t lines[] = {7, 12, 0};
  for (int i = 0; i < 3; i++) {
    assert_true(lab_pprof_next_frame(&walk, &frame, &at));
    assert_int_equal(frame.line, lines[i]);
    if (names[i])
      assert_string_equal(p->functions[frame.function].name, names[i]);
    else
      assert_int_equal(frame.function, LAB_PPROF_NONE);
  }
  assert_int_equal(p->locations[at].address, 9);
  assert_int_equal(p->locations[at].mapping, LAB_PPROF_NONE);
  assert_int_equal(p->locations[s->locations[0]].mapping, 0);
  assert_false(lab_pprof_next_frame(&walk, &frame, &at));
  assert_int_equal(p->functions[0].first, 0);
  assert_int_equal(p->functions[2].first, 0); /* another string, same text */
  assert_string_equal(p->functions[1].system_name, "cpu");
  assert_int_equal(p->functions[1].start_line, 10);
  assert_int_equal(s->nlabels, 3); /* the last one says nothing */
  assert_string_equal(s->labels[0].str, "mutex");
  assert_int_equal(s->labels[1].num, -3);
  assert_string_equal(s->labels[1].unit, "");
  assert_string_equal(s->labels[2].unit, "nanoseconds");
  lab_pprof_free(p);
}

/* Valid, but the tool has nothing to show then. */
static void no_types(void **state) {
  (void)state;
  lab_pprof *p = read_message("6''");
  assert_int_equal(p->ntypes, 0);
  assert_string_equal(p->period_type.unit, "");
  lab_pprof_free(p);
}

/* Each piece of a profile from its begin is read or refused, and no byte behind
 * it is touched. */
static void each_prefix(void **state) {
  (void)state;
  lab_buf m = message_make(USUAL "3{1=7 5=4} 9=17 11{1=1 2=2} 13[6 4]");
  for (size_t n = 0; n <= m.len; n++) {
    lab_pprof *p;
    lab_err err;
    int rc =
        lab_pprof_decode(&p, guard_page_end(&page, m.data, n), n, NULL, &err);
    assert_true(rc == 0 || rc == -EINVAL);
    lab_pprof_free(p);
  }
  lab_buf_free(&m);
}

static const lab_profile_type types[] = {{"samples", "count"},
                                         {"cpu", "nanoseconds"}};

/* COUNT samples of a profile that our own encoder wrote. */
static lab_buf encode_profile(int count) {
  static const char *const comments[] = {"attempt 7", NULL};
  lab_profile *e = lab_profile_new(
      &(lab_profile_config){.types = types,
                            .ntypes = 2,
                            .period_type = {"cpu", "nanoseconds"},
                            .period = 10000000,
                            .time_ns = 99,
                            .comments = comments});
  uint64_t map = lab_profile_mapping(e, 4096, 8192, 0, "/bin/lab", "0a");
  for (int i = 0; i < count; i++) {
    char name[32];
    snprintf(name, sizeof name, "mutex.f%d", i);
    uint64_t f = lab_profile_function(e, name, "/src/4.lua", 10);
    uint64_t stack[] = {lab_profile_location(e, map, 5000, f, 12),
                        lab_profile_location(e, 0, 0, f, 30 + i)};
    int64_t values[] = {i + 1, (i + 1) * 10000000LL};
    lab_profile_label labels[] = {{.key = "step", .str = "mutex"},
                                  {.key = "bytes", .num = i + 1}};
    lab_profile_sample(e, stack, 2, values, labels, 2);
  }
  lab_buf out = LAB_BUF_INIT;
  assert_int_equal(lab_profile_finish(e, &out), 0);
  lab_profile_free(e);
  return out;
}

static void what_the_encoder_wrote(void **state) {
  (void)state;
  enum { COUNT = 500 };
  lab_buf b = encode_profile(COUNT);
  lab_pprof *p;
  lab_err err;
  assert_int_equal(lab_pprof_decode(&p, b.data, b.len, NULL, &err), 0);
  assert_int_equal(p->nsamples, COUNT);
  assert_int_equal(p->nfunctions, COUNT);
  assert_int_equal(p->time_ns, 99);
  assert_int_equal(p->default_type, 1);
  assert_string_equal(p->comments[0], "attempt 7");
  for (int i = 0; i < COUNT; i++) {
    const lab_pprof_sample *s = &p->samples[i];
    char name[32];
    snprintf(name, sizeof name, "mutex.f%d", i);
    const lab_pprof_location *leaf = &p->locations[s->locations[0]];
    assert_int_equal(s->values[1], (i + 1) * 10000000LL);
    assert_int_equal(s->nlocations, 2);
    assert_string_equal(p->functions[leaf->lines[0].function].name, name);
    assert_int_equal(p->locations[s->locations[1]].lines[0].line, 30 + i);
    assert_string_equal(p->mappings[leaf->mapping].file, "/bin/lab");
    assert_int_equal(s->labels[1].num, i + 1);
  }
  lab_pprof_free(p);
  lab_buf_free(&b);
}

/* ---- limits -------------------------------------------------------------- */

static void expect_too_large(const lab_buf *b, lab_pprof_limits limits,
                             const char *what) {
  lab_pprof *p;
  lab_err err = {""};
  assert_int_equal(lab_pprof_decode(&p, b->data, b->len, &limits, &err),
                   -EFBIG);
  assert_null(p);
  if (!strstr(err.text, what))
    fail_msg("\"%s\" isn't in \"%s\"", what, err.text);
}

#define EXPECT_TOO_LARGE(b, field, n, what)                                    \
  do {                                                                         \
    lab_pprof_limits limits = LAB_PPROF_LIMITS;                                \
    limits.field = n;                                                          \
    expect_too_large(b, limits, what);                                         \
  } while (0)

static void limits_hold(void **state) {
  (void)state;
  lab_buf b = encode_profile(10);
  EXPECT_TOO_LARGE(&b, input, b.len - 1, "bytes; at most");
  EXPECT_TOO_LARGE(&b, unpacked, 700, "larger than 700 bytes");
  EXPECT_TOO_LARGE(&b, memory, 1000, "bytes in memory; at most 1000");
  EXPECT_TOO_LARGE(&b, samples, 9, "10 samples; at most 9 are read");
  EXPECT_TOO_LARGE(&b, locations, 19, "20 locations; at most 19");
  EXPECT_TOO_LARGE(&b, functions, 9, "10 functions");
  EXPECT_TOO_LARGE(&b, strings, 10, "strings; at most 10");
  EXPECT_TOO_LARGE(&b, frames, 19, "20 frames");
  lab_buf_free(&b);
  lab_buf large = {.data = "", .len = 50000000}; /* never looked at */
  expect_too_large(&large, LAB_PPROF_LIMITS,
                   "50000000 bytes; at most 33554432");
}

/* ---- gzip ---------------------------------------------------------------- */

static lab_buf pack(const void *data, size_t n) {
  lab_buf out = LAB_BUF_INIT;
  lab_gzip *g;
  assert_int_equal(lab_gzip_open(&g, &out), 0);
  lab_gzip_write(g, data, n);
  lab_gzip_close(g);
  return out;
}

static void expect_gunzip(const lab_buf *b, size_t most, int rc,
                          const char *text) {
  void *out;
  size_t n;
  lab_err err = {""};
  assert_int_equal(lab_gunzip(guard_page_end(&page, b->data, b->len), b->len,
                              most, &out, &n, &err),
                   rc);
  if (rc == 0)
    assert_true(n == strlen(text) && memcmp(out, text, n) == 0);
  else if (!strstr(err.text, text))
    fail_msg("\"%s\" isn't in \"%s\"", text, err.text);
  lab_xfree(out);
}

static void gzip_members(void **state) {
  (void)state;
  lab_buf b = pack("hello ", 6), second = pack("world", 5);
  expect_gunzip(&b, 6, 0, "hello ");
  expect_gunzip(&b, 5, -EFBIG, "larger than 5 bytes");
  lab_buf_append(&b, second.data, second.len);
  expect_gunzip(&b, 100, 0, "hello world");
  for (size_t n = 0; n < b.len; n++)
    if (n != b.len - second.len) { /* where the first member ends */
      lab_buf part = {.data = b.data, .len = n};
      expect_gunzip(&part, 100, -EINVAL, "cut short");
    }
  b.data[b.len - 5] ^= 1; /* the checksum */
  expect_gunzip(&b, 100, -EINVAL, "incorrect data check");
  b.data[b.len - 5] ^= 1;
  lab_buf_puts(&b, "trailing");
  expect_gunzip(&b, 100, -EINVAL, "incorrect header check");
  lab_buf_free(&b);
  lab_buf_free(&second);
}

/* 200 MB of zeros are 200 kB of gzip: refused at the limit, and not later. */
static void gzip_bomb(void **state) {
  (void)state;
  enum { MEGABYTE = 1 << 20 };
  lab_buf out = LAB_BUF_INIT;
  lab_gzip *g;
  char *zeros = lab_xcalloc(1, MEGABYTE);
  assert_int_equal(lab_gzip_open(&g, &out), 0);
  for (int i = 0; i < 200; i++)
    lab_gzip_write(g, zeros, MEGABYTE);
  lab_gzip_close(g);
  EXPECT_TOO_LARGE(&out, unpacked, 16u << 20, "larger than 16777216 bytes");
  lab_xfree(zeros);
  lab_buf_free(&out);
}

static void other_files(void **state) {
  (void)state;
  static const struct {
    const char *text, *advice;
  } others[] = {
      {"heap profile: 1: 2 [3: 4] @ heap/1048576\n", "without debug=1"},
      {"goroutine profile: total 3\n", "without debug=1"},
      {"<!doctype html>", "this is a web page"},
      {"{\"a\": 1}", "this is JSON"},
      {"go 1.19 trace", "this is an execution trace"},
      {"--- mutex:\n", "without debug=1"},
  };
  for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
    lab_pprof *p;
    lab_err err = {""};
    size_t n = strlen(others[i].text);
    assert_int_equal(lab_pprof_decode(&p,
                                      guard_page_end(&page, others[i].text, n),
                                      n, NULL, &err),
                     -EINVAL);
    if (!strstr(err.text, others[i].advice))
      fail_msg("%s", err.text);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(each_case),
      cmocka_unit_test(go_agrees),
      cmocka_unit_test(whole_header),
      cmocka_unit_test(stack_with_inlined),
      cmocka_unit_test(no_types),
      cmocka_unit_test(each_prefix),
      cmocka_unit_test(what_the_encoder_wrote),
      cmocka_unit_test(limits_hold),
      cmocka_unit_test(gzip_members),
      cmocka_unit_test(gzip_bomb),
      cmocka_unit_test(other_files),
  };
  return cmocka_run_group_tests(tests, open_page, close_page);
}
