/* SPDX-License-Identifier: MIT
 * The ring of captures, and files that are sent: what is kept, what goes, and
 * what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/alloc.h"
#include "diagnosis/captures.h"
#include "diagnosis/upload.h"
#include "guard_page.h"
#include "pprof/encode.h"
#include "prof/attempt.h"

static lab_capture *capture_of(const char *kind, size_t len, char fill) {
  lab_buf b = LAB_BUF_INIT;
  memset(lab_buf_reserve(&b, len), fill, len);
  b.len = len;
  return lab_capture_new(kind, lab_blob_take(&b));
}

static void keeps_finds_and_drops(void **state) {
  lab_captures all = LAB_CAPTURES_INIT;
  (void)state;
  assert_int_equal(lab_captures_add(&all, capture_of("cpu", 10, 'a')), 1);
  assert_int_equal(lab_captures_add(&all, capture_of("heap", 10, 'b')), 2);
  assert_string_equal(lab_captures_find(&all, "bbbbbbbbbb", 10)->kind, "heap");
  assert_null(lab_captures_find(&all, "bbbbbbbbbb", 9));
  assert_null(lab_captures_find(&all, "bbbbbbbbba", 10));
  assert_true(lab_captures_drop(&all, 1));
  assert_false(lab_captures_drop(&all, 1));
  assert_int_equal(lab_captures_count(&all), 1);
  assert_true(lab_captures_memory(&all) >= 10);
  assert_int_equal(lab_captures_add(&all, capture_of("cpu", 1, 'c')), 3);
  lab_captures_free(&all);
  assert_int_equal(lab_captures_count(&all), 0);
  assert_int_equal(lab_captures_memory(&all), 0);
}

/* Of SECONDS, begun AFTER seconds. */
static lab_capture *recording(const char *kind, double after, double seconds) {
  lab_capture *c = capture_of(kind, 10, 'a');
  c->at = (uint64_t)((1e9 + after + seconds) * 1e9);
  c->seconds = seconds;
  c->attempt = 7;
  return c;
}

static void assert_answered(const lab_captures *all, lab_capture *sent,
                            unsigned id) {
  sent->is_sent = true;
  const lab_capture *c = lab_captures_find_answered(all, sent);
  assert_int_equal(c ? c->id : 0, id);
  lab_capture_unref(sent);
}

static void knows_what_was_answered(void **state) {
  lab_captures all = LAB_CAPTURES_INIT;
  (void)state;
  lab_captures_add(&all, recording("cpu", 0, 5));
  lab_captures_add(&all, recording("cpu", 0.1, 9));
  lab_captures_add(&all, recording("wall", 0, 9));
  lab_captures_add(&all, recording("cpu", 20, 5));
  lab_capture *sent = recording("cpu", 40, 5);
  sent->is_sent = true;
  lab_captures_add(&all, sent);
  assert_answered(&all, recording("cpu", 0.01, 5.2), 1);
  assert_answered(&all, recording("cpu", 0.05, 9.3), 2);
  assert_answered(&all, recording("wall", 0, 9), 3);
  assert_answered(&all, recording("cpu", 20, 5), 4);
  assert_answered(&all, recording("cpu", 25, 5), 0);
  assert_answered(&all, recording("cpu", 40, 5), 0); /* a file, too */
  assert_answered(&all, recording("heap", 0, 5), 0);
  lab_capture *other = recording("cpu", 0, 5);
  other->attempt = 8;
  assert_answered(&all, other, 0);
  lab_captures_free(&all);
}

/* A judgement goes on with what the list has forgotten. */
static void what_was_taken_stays(void **state) {
  lab_captures all = LAB_CAPTURES_INIT;
  size_t n;
  (void)state;
  lab_captures_add(&all, capture_of("cpu", 3, 'a'));
  lab_captures_add(&all, capture_of("wall", 3, 'b'));
  lab_capture **list = lab_captures_take(&all, &n);
  lab_captures_free(&all);
  assert_int_equal(n, 2);
  assert_string_equal(list[0]->kind, "cpu");
  assert_memory_equal(lab_blob_data(list[1]->bytes), "bbb", 3);
  lab_captures_give_back(list, n);
}

/* Bytes that somebody else is sending at the moment outlive their capture. */
static void bytes_have_several_owners(void **state) {
  lab_captures all = LAB_CAPTURES_INIT;
  lab_buf b = LAB_BUF_INIT;
  (void)state;
  lab_buf_puts(&b, "profile");
  lab_blob *blob = lab_blob_take(&b);
  assert_null(b.data);
  lab_captures_add(&all, lab_capture_new("heap", lab_blob_ref(blob)));
  lab_captures_free(&all);
  assert_memory_equal(lab_blob_data(blob), "profile", lab_blob_len(blob));
  assert_true(lab_blob_memory(blob) >= 7);
  lab_blob_unref(blob);
  lab_blob_unref(NULL);
}

/* What was taken by somebody before stays whole. */
static void earlier_visits_keep_only_facts(void **state) {
  lab_captures all = LAB_CAPTURES_INIT;
  size_t n;
  (void)state;
  lab_captures_visit(&all, 7);
  for (unsigned i = 0; i < 3; i++) {
    lab_capture *c = capture_of("heap", 1000, (char)('a' + i));
    c->attempt = i == 2 ? 8 : 7; /* the third is there too early */
    lab_captures_add(&all, c);
  }
  assert_int_equal(lab_captures_get(&all, 1)->len, 1000);
  assert_non_null(lab_captures_get(&all, 2)->bytes);
  assert_null(lab_captures_get(&all, 3)->bytes);
  size_t before = lab_captures_memory(&all);
  lab_capture **list = lab_captures_take(&all, &n);
  lab_captures_visit(&all, 8);
  lab_captures_visit(&all, 8);
  assert_true(lab_captures_memory(&all) + 2000 <= before);
  assert_int_equal(lab_captures_count(&all), 3);
  assert_int_equal(lab_captures_of(&all, 7), 2);
  const lab_capture *second = lab_captures_get(&all, 2);
  assert_null(second->bytes);
  assert_int_equal(second->len, 1000);
  assert_string_equal(second->kind, "heap");
  char bytes[1000];
  memset(bytes, 'b', sizeof bytes);
  assert_null(lab_captures_find(&all, bytes, sizeof bytes));
  assert_memory_equal(lab_blob_data(list[1]->bytes), bytes, sizeof bytes);
  lab_captures_give_back(list, n);
  lab_captures_free(&all);
  assert_int_equal(lab_captures_memory(&all), 0);
}

static void the_oldest_go_first(void **state) {
  enum { LARGE = 8 << 20 };
  lab_captures all = LAB_CAPTURES_INIT;
  size_t n;
  (void)state;
  for (unsigned i = 1; i <= 20; i++)
    assert_int_equal(
        lab_captures_add(&all, capture_of("cpu", LARGE, (char)('a' + i))), i);
  lab_capture **list = lab_captures_take(&all, &n);
  size_t bytes = 0;
  for (size_t i = 0; i < n; i++) {
    bytes += lab_blob_memory(list[i]->bytes);
    assert_int_equal(list[i]->id, 20 - n + i + 1);
  }
  lab_captures_give_back(list, n);
  assert_true(n > 0 && bytes <= LAB_CAPTURES_BYTES);
  assert_int_equal(
      lab_captures_add(&all, capture_of("cpu", LAB_CAPTURES_BYTES, 'x')), 0);
  assert_int_equal(lab_captures_count(&all), n);
  for (unsigned i = 0; i < LAB_CAPTURES_MOST + 10; i++)
    lab_captures_add(&all, capture_of("vars", 1, 'v'));
  assert_int_equal(lab_captures_count(&all), LAB_CAPTURES_MOST);
  lab_captures_free(&all);
}

/* ---- attempts ------------------------------------------------------------ */

static void attempts_are_told_apart(void **state) {
  char text[LAB_ATTEMPT_COMMENT];
  (void)state;
  lab_attempt_begin();
  lab_attempt first = lab_attempt_now();
  lab_attempt_begin();
  lab_attempt second = lab_attempt_now();
  assert_true(first.id != 0 && second.id != first.id);
  assert_true(lab_attempt_is_own(first.id) && lab_attempt_is_own(second.id));
  assert_false(lab_attempt_is_own(first.id ^ 1));
  assert_false(lab_attempt_is_own(0));
  lab_attempt_write(second.id, text);
  assert_true(lab_attempt_parse(text) == second.id);
  static const char *const others[] = {"",
                                       "step 4",
                                       "diaglab attempt ",
                                       "diaglab attempt 12",
                                       "diaglab attempt 00000000000000001",
                                       "diaglab attempt  0000000000000001",
                                       "diaglab attempt 000000000000000G",
                                       "diaglab attempt -000000000000001"};
  for (size_t i = 0; i < sizeof others / sizeof *others; i++)
    assert_true(lab_attempt_parse(others[i]) == 0);
}

/* ---- the file in a body -------------------------------------------------- */

static void check_find(const char *type, const char *body, const char *wanted) {
  size_t len = strlen(body), size;
  guard_page g;
  guard_page_open(&g, len);
  char *copy = guard_page_end(&g, body, len);
  const char *file = lab_upload_find(type, copy, len, &size);
  if (!wanted) {
    assert_null(file);
  } else {
    assert_non_null(file);
    assert_int_equal(size, strlen(wanted));
    assert_memory_equal(file, wanted, size);
  }
  guard_page_close(&g);
}

static void finds_the_file(void **state) {
  (void)state;
  static const char form[] = "--xyz\r\nContent-Disposition: form-data; "
                             "name=\"profile\"; filename=\"a\"\r\n\r\n"
                             "bytes\r\n--xyz--\r\n";
  check_find("", "bytes", "bytes");
  check_find("application/x-www-form-urlencoded", "bytes", "bytes");
  check_find("multipart/form-data; boundary=xyz", form, "bytes");
  check_find("multipart/form-data; boundary=\"xyz\"", form, "bytes");
  check_find("multipart/form-data; boundary=xyz; charset=x", form, "bytes");
  check_find("Multipart/Form-Data; Boundary=xyz", "--xyz\r\n\r\n\r\n--xyz--",
             "");
  check_find("multipart/form-data; boundary=abc", form, NULL);
  check_find("multipart/form-data", form, NULL);
  check_find("multipart/form-data; boundary=", form, NULL);
  check_find("multipart/form-data; boundary=xyz", "--xyz", NULL);
  check_find("multipart/form-data; boundary=xyz", "--xyz\r\n\r\nbytes", NULL);
  check_find("multipart/form-data; boundary="
             "12345678901234567890123456789012345678901234567890"
             "123456789012345678901",
             form, NULL);
}

/* ---- what a profile is --------------------------------------------------- */

static void write_profile(lab_buf *out, const lab_profile_type *types,
                          size_t ntypes, const char *first,
                          const char *comment) {
  const char *comments[] = {"another comment", comment, NULL};
  lab_profile *p =
      lab_profile_new(&(lab_profile_config){.types = types,
                                            .ntypes = ntypes,
                                            .period_type = types[0],
                                            .default_type = first,
                                            .duration_ns = 2500000000,
                                            .comments = comments});
  assert_int_equal(lab_profile_finish(p, out), 0);
  lab_profile_free(p);
}

static void check_kind(const lab_profile_type *types, size_t ntypes,
                       const char *first, const char *hint,
                       const char *wanted) {
  lab_buf file = LAB_BUF_INIT;
  lab_err err;
  write_profile(&file, types, ntypes, first,
                "diaglab attempt 00000000000000ff");
  lab_capture *c = lab_upload_read(file.data, file.len, hint, &err);
  if (!wanted) {
    assert_null(c);
    assert_non_null(strstr(err.text, "?kind=mutex"));
  } else {
    assert_non_null(c);
    assert_string_equal(c->kind, wanted);
    assert_true(c->attempt == 0xff);
    assert_true(c->is_sent && c->seconds == 2.5);
    assert_int_equal(lab_blob_len(c->bytes), file.len);
  }
  lab_capture_unref(c);
  lab_buf_free(&file);
}

static void knows_the_kinds(void **state) {
  (void)state;
  static const lab_profile_type cpu[] = {{"samples", "count"},
                                         {"cpu", "nanoseconds"}},
                                wall[] = {{"samples", "count"},
                                          {"time", "nanoseconds"}},
                                heap[] = {{"alloc_objects", "count"},
                                          {"alloc_space", "bytes"},
                                          {"inuse_objects", "count"},
                                          {"inuse_space", "bytes"}},
                                lock[] = {{"contentions", "count"},
                                          {"delay", "nanoseconds"}},
                                tasks[] = {{"goroutine", "count"}},
                                files[] = {{"lab.OpenFiles", "count"}};
  check_kind(cpu, 2, "cpu", "", "cpu");
  check_kind(wall, 2, "time", "", "wall");
  check_kind(heap, 4, "inuse_space", "", "heap");
  check_kind(heap, 4, "alloc_space", "", "allocs");
  check_kind(lock, 2, "delay", "mutex", "mutex");
  check_kind(lock, 2, "delay", "block", "block");
  check_kind(lock, 2, "delay", "", NULL);
  check_kind(lock, 2, "delay", "cpu", NULL);
  check_kind(tasks, 1, NULL, "mutex", "goroutine");
  check_kind(files, 1, NULL, "", "lab.OpenFiles");
}

static void refuses_what_is_no_profile(void **state) {
  static const char *const junk[] = {"", "hello", "\x1f\x8b\x08", "\x0a\xff"};
  (void)state;
  for (size_t i = 0; i < sizeof junk / sizeof *junk; i++) {
    lab_err err = {{0}};
    assert_null(lab_upload_read(junk[i], strlen(junk[i]), "", &err));
    assert_true(err.text[0] != '\0');
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(keeps_finds_and_drops),
      cmocka_unit_test(knows_what_was_answered),
      cmocka_unit_test(what_was_taken_stays),
      cmocka_unit_test(bytes_have_several_owners),
      cmocka_unit_test(earlier_visits_keep_only_facts),
      cmocka_unit_test(the_oldest_go_first),
      cmocka_unit_test(attempts_are_told_apart),
      cmocka_unit_test(finds_the_file),
      cmocka_unit_test(knows_the_kinds),
      cmocka_unit_test(refuses_what_is_no_profile),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
