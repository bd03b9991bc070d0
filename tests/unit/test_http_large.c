/* SPDX-License-Identifier: MIT
 * Large bodies: answers that others own, too, and requests that may be larger
 * than others. */
#include "http_fixture.h"

/* Two clients get the same memory, which its owner keeps; a third one leaves
 * before it has taken all. */
static void sends_what_others_own(void **state) {
  fixture f;
  lab_buf got = LAB_BUF_INIT;
  (void)state;
  fixture_open(&f);
  static const char ask[] = "GET /shared HTTP/1.1\r\nHost: a\r\n\r\n";
  int fds[] = {fixture_client(&f), fixture_client(&f), fixture_client(&f)};
  for (int i = 0; i < 3; i++)
    send_text(&f, fds[i], ask);
  fixture_until(&f, f.requests == 3);
  close(fds[2]);
  for (int i = 0; i < 2; i++) {
    size_t body = 0, seen = 0;
    uint64_t end = find_wait_end();
    lab_buf_clear(&got);
    while (body < 4 << 20) {
      fixture_turn(&f);
      assert_true(read_some(fds[i], &got));
      for (; seen < got.len; seen++)
        body += got.data[seen] == 'x';
      assert_true(lab_clock_mono() < end);
    }
    close(fds[i]);
  }
  fixture_until(&f, lab_http_connections(f.server) == 0);
  assert_int_equal(lab_blob_len(f.shared), 4 << 20);
  assert_int_equal(lab_blob_data(f.shared)[(4 << 20) - 1], 'x');
  lab_buf_free(&got);
  fixture_close(&f);
}

static size_t allow_large_uploads(const lab_http_request *req, void *arg) {
  (void)arg;
  return strcmp(lab_http_path(req).data, "/echo-large") == 0 ? 200000 : 0;
}

static void check_body_limit(const char *path, size_t len, bool accepted) {
  fixture f;
  lab_buf sent = LAB_BUF_INIT, got = LAB_BUF_INIT;
  fixture_init(&f);
  f.config.body_limit = allow_large_uploads;
  fixture_start(&f);
  int fd = fixture_client(&f);
  lab_buf_printf(&sent,
                 "POST %s HTTP/1.1\r\nHost: a\r\nContent-Length: %zu\r\n"
                 "Connection: close\r\n\r\n",
                 path, len);
  memset(lab_buf_reserve(&sent, len + 1), 'x', len);
  sent.len += accepted ? len : 0; /* the head alone is refused */
  *lab_buf_reserve(&sent, 1) = '\0';
  send_text(&f, fd, sent.data);
  fixture_until(&f, !read_some(fd, &got));
  lab_buf_putc(&got, '\0');
  assert_int_equal(strncmp(got.data, "HTTP/1.1 413 ", 13) != 0, accepted);
  assert_int_equal(f.requests, accepted);
  lab_buf_free(&sent);
  lab_buf_free(&got);
  close(fd);
  fixture_close(&f);
}

static void some_paths_have_a_limit_of_their_own(void **state) {
  (void)state;
  check_body_limit("/echo-large", 200000, true);
  check_body_limit("/echo-large", 200001, false);
  check_body_limit("/echo", 65536, true);
  check_body_limit("/echo", 65537, false);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(sends_what_others_own),
      cmocka_unit_test(some_paths_have_a_limit_of_their_own),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
