/* SPDX-License-Identifier: MIT
 * Queries and forms, by the rules of Go's net/url and FormValue. */
#include <errno.h>

#include <llhttp.h>

#include "guard_page.h"
#include "http/request_internal.h"
#include "http_fixture.h"

/* The pairs of TEXT as key=value;key=value; and with ! for = if one is
 * malformed. */
static void check_text(const char *text, size_t len, const char *wanted) {
  lab_buf key = LAB_BUF_INIT, value = LAB_BUF_INIT, all = LAB_BUF_INIT;
  lab_http_str rest = {text, len};
  for (int rc; (rc = lab_http_next_pair(&rest, &key, &value));) {
    assert_true(rc == 1 || rc == -EINVAL);
    lab_buf_append(&all, key.data, key.len);
    lab_buf_putc(&all, rc == 1 ? '=' : '!');
    lab_buf_append(&all, value.data, value.len);
    lab_buf_putc(&all, ';');
  }
  lab_buf_putc(&all, '\0');
  assert_string_equal(all.data, wanted);
  lab_buf_free(&key);
  lab_buf_free(&value);
  lab_buf_free(&all);
}

/* The text is next to an inaccessible page, and has no final 0. */
static void check_pairs(const char *text, const char *wanted) {
  size_t len = strlen(text);
  guard_page g;
  guard_page_open(&g, len);
  check_text(guard_page_end(&g, text, len), len, wanted);
  check_text(guard_page_begin(&g, text, len), len, wanted);
  guard_page_close(&g);
}

static void splits_and_decodes(void **state) {
  (void)state;
  check_pairs("", "");
  check_pairs("a=1&b=2", "a=1;b=2;");
  check_pairs("&&a=1&&", "a=1;");
  check_pairs("a", "a=;");
  check_pairs("a=b=c", "a=b=c;");
  check_pairs("=v", "=v;");
  check_pairs("a+b=c+d", "a b=c d;");
  check_pairs("%61=%4a%4A&x=%2B", "a=JJ;x=+;");
  check_pairs("a=%&b=%4&c=%zz&d=ok", "a!;b!;c!;d=ok;");
  check_pairs("a=1;b=2&c=3", "a!;c=3;");
  check_pairs("%zz=1&a=1", "!1;a=1;");
  check_pairs("a;b=1&;", "!1;!;");
  check_pairs("a%2Fb=c%", "a/b!;");
  check_pairs("a=%4", "a!;");
  check_pairs("a=1&b", "a=1;b=;");
  check_pairs("a=1&b=", "a=1;b=;");
  check_pairs("a%2Fb=c", "a/b=c;");
}

/* A request for /hold with QUERY and perhaps a form as body. */
static void hold(fixture *f, int fd, const char *method, const char *query,
                 const char *type, const char *body) {
  lab_buf b = LAB_BUF_INIT;
  lab_buf_printf(&b,
                 "%s /hold%s HTTP/1.1\r\nHost: a\r\nContent-Length: %zu\r\n"
                 "Content-Type: %s\r\n\r\n%s",
                 method, query, strlen(body), type, body);
  f->held = NULL;
  send_bytes(f, fd, b.data, b.len);
  fixture_until(f, f->held);
  lab_buf_free(&b);
}

static void done(fixture *f) {
  lab_http_respond(f->held, 200, NULL, NULL, "", 0);
}

static void gets_values(void **state) {
  fixture f;
  char out[8];
  (void)state;
  fixture_open(&f);
  int fd = fixture_client(&f);
  hold(&f, fd, "GET", "?step=4&long=12345678&empty&step=5", "x", "");
  assert_int_equal(lab_http_query_get(f.held, "step", out, sizeof out), 1);
  assert_string_equal(out, "4");
  assert_int_equal(lab_http_query_get(f.held, "empty", out, sizeof out), 0);
  assert_string_equal(out, "");
  assert_int_equal(lab_http_query_get(f.held, "ste", out, sizeof out), -ENOENT);
  assert_int_equal(lab_http_query_get(f.held, "long", out, sizeof out),
                   -ENOSPC);
  assert_int_equal(lab_http_query_get(f.held, "long", out, 1), -ENOSPC);
  done(&f);
  hold(&f, fd, "GET", "?cut=4%00x&bad=5%&two=1;2&bad=5&%zz=1&&m=1%00345678",
       "x", "");
  static const char *const wrong[] = {"cut", "bad", "two", "m"};
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
    assert_int_equal(lab_http_query_get(f.held, wrong[i], out, sizeof out),
                     -EINVAL);
  assert_int_equal(lab_http_query_get(f.held, "zz", out, sizeof out), -ENOENT);
  done(&f);
  hold(&f, fd, "GET", "", "x", "");
  assert_int_equal(lab_http_query_get(f.held, "step", out, sizeof out),
                   -ENOENT);
  done(&f);
  close(fd);
  fixture_close(&f);
}

/* What is to be read as KEY alone. */
static void gets_the_only_value(void **state) {
  static const struct {
    const char *query;
    int rc;
  } cases[] = {
      {"", -ENOENT},          {"?", -ENOENT},
      {"?id=c1", 2},          {"?id=", 0},
      {"?%69d=c1", 2},        {"?id=c1%", -EINVAL},
      {"?id=c1;", -EINVAL},   {"?ID=c1", -EINVAL},
      {"?ids=c1", -EINVAL},   {"?id=c1&", -EINVAL},
      {"?&id=c1", -EINVAL},   {"?id=c1&x=1", -EINVAL},
      {"?id=c1%00", -EINVAL}, {"?id%00=c1", -EINVAL},
      {"?%zz=c1", -EINVAL},   {"?;", -EINVAL},
      {"?=", -EINVAL},        {"?id=12345678", -ENOSPC},
  };
  fixture f;
  char out[8];
  (void)state;
  fixture_open(&f);
  int fd = fixture_client(&f);
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    hold(&f, fd, "DELETE", cases[i].query, "x", "");
    int rc = lab_http_query_get_only(f.held, "id", out, sizeof out);
    if (rc != cases[i].rc)
      fail_msg("%s: %d", cases[i].query, rc);
    done(&f);
  }
  close(fd);
  fixture_close(&f);
}

static void form_goes_before_query(void **state) {
  static const char form[] = "application/x-www-form-urlencoded; charset=x";
  fixture f;
  char out[8];
  (void)state;
  fixture_open(&f);
  int fd = fixture_client(&f);
  hold(&f, fd, "POST", "?step=1&other=2", form, "step=3");
  assert_int_equal(lab_http_form_get(f.held, "step", out, sizeof out), 1);
  assert_string_equal(out, "3");
  assert_int_equal(lab_http_form_get(f.held, "other", out, sizeof out), 1);
  assert_string_equal(out, "2");
  assert_int_equal(lab_http_query_get(f.held, "step", out, sizeof out), 1);
  assert_string_equal(out, "1");
  done(&f);
  hold(&f, fd, "POST", "?step=1", "text/plain", "step=3");
  assert_int_equal(lab_http_form_get(f.held, "step", out, sizeof out), 1);
  assert_string_equal(out, "1");
  done(&f);
  hold(&f, fd, "DELETE", "", form, "step=3");
  assert_int_equal(lab_http_form_get(f.held, "step", out, sizeof out), -ENOENT);
  done(&f);
  close(fd);
  fixture_close(&f);
}

static const char form_type[] =
    "Content-Type\0application/x-www-form-urlencoded";

/* A POST whose head, query and form are next to inaccessible pages. Both are
 * followed by a 0, as the parser leaves them. */
static void check_form(const char *query, const char *form, const char *key,
                       int rc, const char *expected) {
  size_t head = sizeof form_type, len = head + strlen(query) + 1;
  char text[200], out[8] = "";
  guard_page heads, bodies;
  assert_true(len <= sizeof text);
  memcpy(text, form_type, head);
  memcpy(text + head, query, len - head);
  guard_page_open(&heads, len);
  guard_page_open(&bodies, strlen(form) + 1);
  lab_http_field field = {{0, 12}, {13, (uint32_t)(head - 13 - 1)}};
  lab_http_request req = {
      .method = HTTP_POST,
      .text = {guard_page_end(&heads, text, len), len, 0},
      .query = {(uint32_t)head, (uint32_t)strlen(query)},
      .fields = &field,
      .field_count = 1,
      .body = {guard_page_end_string(&bodies, form), strlen(form) + 1, 0},
  };
  assert_int_equal(lab_http_form_get(&req, key, out, sizeof out), rc);
  assert_string_equal(out, expected);
  req.text.data = guard_page_begin(&heads, text, len);
  req.body.data = guard_page_begin_string(&bodies, form);
  assert_int_equal(lab_http_form_get(&req, key, out, sizeof out), rc);
  assert_string_equal(out, expected);
  guard_page_close(&heads);
  guard_page_close(&bodies);
}

static void stays_inside_query_and_form(void **state) {
  (void)state;
  check_form("", "step=4", "step", 1, "4");
  check_form("step=5", "other=%", "step", 1, "5");
  check_form("step=5", "step", "step", 0, "");
  check_form("step=%4", "step=%", "step", -EINVAL, "");
  check_form("step=4", "step=%", "step", -EINVAL, "");
  check_form("step=4%00", "%", "step", -EINVAL, "");
  check_form("%73%74%65%70=%35", "&", "step", 1, "5");
  check_form("step=12345678", "", "step", -ENOSPC, "");
  check_form("a", "b", "step", -ENOENT, "");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(splits_and_decodes),
      cmocka_unit_test(gets_values),
      cmocka_unit_test(gets_the_only_value),
      cmocka_unit_test(stays_inside_query_and_form),
      cmocka_unit_test(form_goes_before_query),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
