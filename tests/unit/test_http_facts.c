/* SPDX-License-Identifier: MIT
 * What a request knows beside its target and body: all headers, who sent it,
 * and whether he has gone. */
#include <netinet/in.h>

#include "http/peer.h"
#include "http_fixture.h"

static void says_what_a_request_has(void **state) {
  static const char text[] = "GET /hold HTTP/1.1\r\nHost: a\r\nX-One:  1 \r\n"
                             "X-Empty:\r\nX-One: 2\r\n\r\n";
  static const char *const wanted[][2] = {
      {"Host", "a"}, {"X-One", "1"}, {"X-Empty", ""}, {"X-One", "2"}};
  char remote[LAB_ADDRESS_TEXT], own[LAB_ADDRESS_TEXT];
  lab_address address;
  socklen_t len = sizeof address;
  lab_field field;
  fixture f;
  (void)state;
  fixture_open(&f);
  int fd = fixture_connect(fixture_listen(&f));
  send_text(&f, fd, text);
  fixture_until(&f, f.held);
  for (size_t i = 0; i < 4; i++) {
    assert_true(lab_http_header_at(f.held, i, &field));
    assert_int_equal(field.name_len, strlen(wanted[i][0]));
    assert_memory_equal(field.name, wanted[i][0], field.name_len);
    assert_int_equal(field.value_len, strlen(wanted[i][1]));
    assert_memory_equal(field.value, wanted[i][1], field.value_len);
  }
  assert_false(lab_http_header_at(f.held, 4, &field));
  assert_int_equal(getsockname(fd, &address.any, &len), 0);
  lab_http_peer_write(&address, own);
  lab_http_write_remote(f.held, remote);
  assert_string_equal(remote, own);
  assert_false(lab_http_has_left(f.held));
  close(fd);
  fixture_until(&f, lab_http_has_left(f.held));
  lab_http_error(f.held, 503, "busy");
  fixture_close(&f);
}

/* A client that has closed its half when its request is read, as `nc -N`. */
static void half_closed_is_left(void **state) {
  fixture f;
  (void)state;
  fixture_open(&f);
  int fd = fixture_connect(fixture_listen(&f));
  send_text(&f, fd, GET_HOLD);
  shutdown(fd, SHUT_WR);
  fixture_until(&f, f.held && lab_http_has_left(f.held));
  lab_http_error(f.held, 503, "busy");
  close(fd);
  fixture_close(&f);
}

static void writes_addresses(void **state) {
  char text[LAB_ADDRESS_TEXT];
  lab_address peer = {.any = {.sa_family = AF_UNSPEC}};
  (void)state;
  lab_http_peer_write(&peer, text);
  assert_string_equal(text, "@");
  uv_ip4_addr("192.0.2.7", 65535, &peer.ip4);
  lab_http_peer_write(&peer, text);
  assert_string_equal(text, "192.0.2.7:65535");
  uv_ip6_addr("::ffff:192.0.2.7", 80, &peer.ip6);
  lab_http_peer_write(&peer, text);
  assert_string_equal(text, "192.0.2.7:80");
  uv_ip6_addr("2001:db8:1111:2222:3333:4444:5555:6666", 65535, &peer.ip6);
  lab_http_peer_write(&peer, text);
  assert_string_equal(text, "[2001:db8:1111:2222:3333:4444:5555:6666]:65535");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(says_what_a_request_has),
      cmocka_unit_test(half_closed_is_left),
      cmocka_unit_test(writes_addresses),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
