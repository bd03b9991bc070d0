/* SPDX-License-Identifier: MIT
 * Queries and forms, by the rules of Go's net/url and FormValue. */
#include "http_fixture.h"

/* TEXT's pairs as key=value;key=value; */
static void check_pairs(const char *text, const char *wanted) {
  lab_buf key = LAB_BUF_INIT, value = LAB_BUF_INIT, all = LAB_BUF_INIT;
  lab_http_str rest = {text, strlen(text)};
  while (lab_http_next_pair(&rest, &key, &value)) {
    lab_buf_append(&all, key.data, key.len);
    lab_buf_putc(&all, '=');
    lab_buf_append(&all, value.data, value.len);
    lab_buf_putc(&all, ';');
  }
  lab_buf_putc(&all, '\0');
  assert_string_equal(all.data, wanted);
  lab_buf_free(&key);
  lab_buf_free(&value);
  lab_buf_free(&all);
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
  check_pairs("a=%&b=%4&c=%zz&d=ok", "d=ok;");
  check_pairs("a=1;b=2&c=3", "c=3;");
  check_pairs("%zz=1&a=1", "a=1;");
  check_pairs("a%2Fb=c%", "");
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
  hold(&f, fd, "GET", "", "x", "");
  assert_int_equal(lab_http_query_get(f.held, "step", out, sizeof out),
                   -ENOENT);
  done(&f);
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

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(splits_and_decodes),
      cmocka_unit_test(gets_values),
      cmocka_unit_test(form_goes_before_query),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
