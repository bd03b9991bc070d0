/* SPDX-License-Identifier: MIT
 * Which requests a browser can't be tricked into. */
#include "guard_page.h"
#include "http_fixture.h"

#define HOST_FAULT "this host name is not known here; allow it with --host"
#define ORIGIN_FAULT "a page of another origin can't do this"
#define SITE_FAULT "a page of another site can't do this"
#define TWICE_FAULT "Origin or Sec-Fetch-Site is there more than once"

static const char *const hosts[] = {"lab.example", "192.168.1.7", "fe80::7"};
static const lab_http_guard_config config = {hosts, 3, false};

static const struct {
  bool loopback, changes;
  const char *host, *origin, *fetch_site;
  const char *fault; /* NULL: passes */
} cases[] = {
    /* DNS rebinding */
    {true, false, "localhost:6060", "", "", NULL},
    {true, false, "LOCALHOST", "", "", NULL},
    {true, false, "127.0.0.1:6060", "", "", NULL},
    {true, false, "127.8.9.1", "", "", NULL},
    {true, false, "[::1]:6060", "", "", NULL},
    {true, false, "[::1]", "", "", NULL},
    {true, false, "Lab.Example:6060", "", "", NULL},
    {true, false, "192.168.1.7:6060", "", "", NULL},
    {true, false, "evil.example", "", "", HOST_FAULT},
    {true, false, "evil.example:6060", "", "", HOST_FAULT},
    {true, false, "localhost.evil.example", "", "", HOST_FAULT},
    {true, false, "127.0.0.1.evil.example", "", "", HOST_FAULT},
    {true, false, "128.0.0.1", "", "", HOST_FAULT},
    {true, false, "[::2]", "", "", HOST_FAULT},
    {true, false, "[::1", "", "", HOST_FAULT},
    {true, false, "[", "", "", HOST_FAULT},
    {true, false, "127.0.0.", "", "", HOST_FAULT},
    {true, false, "[]", "", "", HOST_FAULT},
    {true, false, ":6060", "", "", HOST_FAULT},
    {true, false, "lab.example.", "", "", HOST_FAULT},
    {true, false, "localhost.", "", "", HOST_FAULT},
    {true, false, "[::1].evil.com", "", "", HOST_FAULT},
    {true, false, "[::1]evil.com", "", "", HOST_FAULT},
    {true, false, "[::1]:80.evil.com", "", "", HOST_FAULT},
    {true, false, "[::1]:", "", "", HOST_FAULT},
    {true, false, "localhost:80.evil.com", "", "", HOST_FAULT},
    {true, false, "localhost:evil", "", "", HOST_FAULT},
    {true, false, "localhost:", "", "", HOST_FAULT},
    {true, false, "localhost:+80", "", "", HOST_FAULT},
    {true, false, "localhost: 80", "", "", HOST_FAULT},
    {true, false, "localhost:65536", "", "", HOST_FAULT},
    {true, false, "localhost:80:80", "", "", HOST_FAULT},
    {true, false, "lab.example:evil", "", "", HOST_FAULT},
    {true, false, "127.0.0.1:1.evil.com", "", "", HOST_FAULT},
    {true, false, "127.1", "", "", HOST_FAULT},
    {true, false, "0x7f000001", "", "", HOST_FAULT},
    {true, false, "::1", "", "", HOST_FAULT},
    {true, false, "[127.0.0.1]", "", "", HOST_FAULT},
    {true, false, "[localhost]", "", "", HOST_FAULT},
    {true, false, "[lab.example]", "", "", HOST_FAULT},
    {true, false, "[::1%lo]", "", "", HOST_FAULT},
    {true, false, "[::1%25lo]", "", "", HOST_FAULT},
    {true, false, "[fe80::7]:80", "", "", NULL},
    {true, false, "fe80::7", "", "", HOST_FAULT},
    {true, false, "user@localhost", "", "", HOST_FAULT},
    {true, false, "localhost@evil.com", "", "", HOST_FAULT},
    {true, false, "localhost#.evil.com", "", "", HOST_FAULT},
    {true, false, "local%68ost", "", "", HOST_FAULT},
    {true, false, "localhost evil.com", "", "", HOST_FAULT},
    {false, false, "evil.example", "", "", NULL},
    /* no Host: HTTP/1.0 tools, but no web page */
    {true, true, "", "", "", NULL},
    {true, false, "", "http://localhost:6060", "",
     "a request from a web page must name its host"},
    /* other origins */
    {true, true, "localhost:6060", "http://localhost:6060", "same-origin",
     NULL},
    {true, true, "localhost:6060", "HTTP://LOCALHOST:6060", "", NULL},
    {true, true, "localhost:6060", "", "none", NULL},
    {true, true, "localhost:6060", "http://localhost:3000", "same-site",
     ORIGIN_FAULT},
    {true, true, "localhost:6060", "http://127.0.0.1:6060", "", ORIGIN_FAULT},
    {true, true, "localhost:6060", "https://localhost:6060", "", ORIGIN_FAULT},
    {true, true, "localhost:6060", "https://evil.example", "", ORIGIN_FAULT},
    {true, true, "localhost:6060", "null", "", ORIGIN_FAULT},
    {true, true, "localhost:6060", "http:/", "", ORIGIN_FAULT},
    {true, true, "localhost:6060", "http://", "", ORIGIN_FAULT},
    {true, true, "localhost:6060", "", "cross-site", SITE_FAULT},
    {true, true, "localhost:6060", "", "Cross-Site", SITE_FAULT},
    {true, true, "localhost:6060", "", "same-site", SITE_FAULT},
    {true, true, "localhost:6060", "", "something-new", SITE_FAULT},
    {true, true, "localhost:6060", "http://localhost:6060", "same-site",
     SITE_FAULT},
    {true, true, "localhost:6060", "", "Same-Origin", NULL},
    {false, true, "lab:6060", "", "same-site", SITE_FAULT},
    {true, true, "localhost:6060", "http://user@localhost:6060", "",
     ORIGIN_FAULT},
    {true, true, "localhost:6060", "http://localhost:6060.evil.com", "",
     ORIGIN_FAULT},
    {true, true, "localhost:6060", "http://localhost:6060/", "", ORIGIN_FAULT},
    {true, true, "localhost:6060", "http://localhost", "", ORIGIN_FAULT},
    {true, true, "localhost:6060", "http://localhost.:6060", "", ORIGIN_FAULT},
    {true, true, "localhost:6060", "http://localhost:6060, http://evil.example",
     "", ORIGIN_FAULT},
    {false, true, "lab:6060", "http://evil.example", "", ORIGIN_FAULT},
    {false, true, "lab:6060", "http://lab:6060", "", NULL},
    /* looking is allowed: a page can't read the answer anyway */
    {true, false, "localhost:6060", "https://evil.example", "cross-site", NULL},
    {true, false, "localhost:6060", "", "same-site", NULL},
};

/* Where the network's names are checked, too: a port that leads into a
 * container. */
static void names_of_the_network(void **state) {
  static const struct {
    const char *host;
    bool good;
  } hosts_there[] = {{"localhost:6060", true}, {"[::1]:6060", true},
                     {"lab.example", true},    {"", true},
                     {"evil.example", false},  {"172.17.0.2:6060", false}};
  const lab_http_guard_config strict = {hosts, 3, true};
  (void)state;
  for (size_t i = 0; i < sizeof hosts_there / sizeof *hosts_there; i++) {
    const char *name = hosts_there[i].host, *reason = NULL;
    const lab_http_guard_facts facts = {.host = {name, strlen(name)}};
    assert_int_equal(lab_http_guard_check(&facts, &config, &reason), 0);
    int status = lab_http_guard_check(&facts, &strict, &reason);
    assert_int_equal(status, hosts_there[i].good ? 0 : 403);
    if (status)
      assert_string_equal(reason, HOST_FAULT);
  }
}

/* Pages for Host, Origin and Sec-Fetch-Site. */
static guard_page pages[3];

/* TEXT without a final 0, next to an inaccessible page. */
static lab_http_str guarded(guard_page *g, const char *text, bool at_end) {
  size_t len = strlen(text);
  const char *copy =
      at_end ? guard_page_end(g, text, len) : guard_page_begin(g, text, len);
  return (lab_http_str){copy, len};
}

static void check_case(size_t i, bool at_end) {
  const lab_http_guard_facts facts = {
      .loopback = cases[i].loopback,
      .changes = cases[i].changes,
      .host = guarded(&pages[0], cases[i].host, at_end),
      .origin = guarded(&pages[1], cases[i].origin, at_end),
      .fetch_site = guarded(&pages[2], cases[i].fetch_site, at_end),
  };
  const char *reason = NULL;
  int status = lab_http_guard_check(&facts, &config, &reason);
  if (cases[i].fault == NULL && reason != NULL)
    fail_msg("case %zu (%s): %s", i, cases[i].host, reason);
  if (cases[i].fault) {
    assert_int_equal(status, 403);
    assert_string_equal(reason, cases[i].fault);
  } else {
    assert_int_equal(status, 0);
  }
}

static void decides_each_case(void **state) {
  (void)state;
  for (int i = 0; i < 3; i++)
    guard_page_open(&pages[i], 100);
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    check_case(i, true);
    check_case(i, false);
  }
  for (int i = 0; i < 3; i++)
    guard_page_close(&pages[i]);
}

/* The facts are taken from where they are in a request. */
static void check_request(const char *request, bool changes, int status) {
  fixture f;
  const char *reason = NULL;
  fixture_open(&f);
  int fd = fixture_client(&f);
  send_text(&f, fd, request);
  fixture_until(&f, f.held);
  assert_int_equal(lab_http_guard(f.held, &config, changes, &reason), status);
  lab_http_error(f.held, 403, "done");
  close(fd);
  fixture_close(&f);
}

static void reads_the_request(void **state) {
  (void)state;
  check_request("GET /hold HTTP/1.1\r\nHost: localhost\r\n\r\n", true, 0);
  check_request("GET /hold HTTP/1.1\r\nHost: evil\r\n\r\n", false, 403);
  check_request("GET http://evil/hold HTTP/1.1\r\nHost: localhost\r\n\r\n",
                false, 403);
  check_request("GET /hold HTTP/1.1\r\nHost: localhost\r\n"
                "Origin: http://evil\r\n\r\n",
                true, 403);
  check_request("GET /hold HTTP/1.1\r\nHost: localhost\r\n"
                "Sec-Fetch-Site: cross-site\r\n\r\n",
                true, 403);
  check_request("GET /hold HTTP/1.0\r\n\r\n", true, 0);
}

static void check_foreign(const char *headers, bool foreign) {
  char request[200];
  fixture f;
  snprintf(request, sizeof request,
           "GET /hold HTTP/1.1\r\nHost: localhost\r\n%s\r\n", headers);
  fixture_open(&f);
  int fd = fixture_client(&f);
  send_text(&f, fd, request);
  fixture_until(&f, f.held);
  assert_int_equal(lab_http_is_foreign(f.held), foreign);
  lab_http_error(f.held, 403, "done");
  close(fd);
  fixture_close(&f);
}

static void knows_foreign_pages(void **state) {
  (void)state;
  check_foreign("", false);
  check_foreign("Sec-Fetch-Site: none\r\n", false);
  check_foreign("Sec-Fetch-Site: same-origin\r\n", false);
  check_foreign("Origin: http://localhost\r\n", false);
  check_foreign("Sec-Fetch-Site: same-site\r\n", true);
  check_foreign("Sec-Fetch-Site: cross-site\r\n", true);
  check_foreign("Origin: http://evil\r\n", true);
  check_foreign("Origin: null\r\n", true);
}

static void refuses_headers_that_come_twice(void **state) {
  static const char *const twice[] = {
      "Sec-Fetch-Site: none\r\nSec-Fetch-Site: cross-site",
      "Sec-Fetch-Site: cross-site\r\nSec-Fetch-Site: none",
      "Sec-Fetch-Site: none\r\nSEC-FETCH-SITE: none",
      "Sec-Fetch-Site:\r\nX: y\r\nSec-Fetch-Site: same-site",
      "Sec-Fetch-Site: none\r\nX: y\r\nSec-Fetch-Site:",
      "Origin: http://localhost\r\nOrigin: http://evil",
      "Origin:\r\nOrigin: http://evil",
      "Origin: http://localhost\r\nX: y\r\norigin: http://localhost",
  };
  char request[200];
  (void)state;
  for (size_t i = 0; i < sizeof twice / sizeof *twice; i++) {
    snprintf(request, sizeof request,
             "GET /hold HTTP/1.1\r\nHost: localhost\r\n%s\r\n\r\n", twice[i]);
    check_request(request, true, 403);
    check_request(request, false, 403);
  }
}

static void a_repeated_header_is_named(void **state) {
  const lab_http_guard_facts facts = {.repeated = true};
  const char *reason = NULL;
  (void)state;
  assert_int_equal(lab_http_guard_check(&facts, &config, &reason), 403);
  assert_string_equal(reason, TWICE_FAULT);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(decides_each_case),
      cmocka_unit_test(names_of_the_network),
      cmocka_unit_test(reads_the_request),
      cmocka_unit_test(knows_foreign_pages),
      cmocka_unit_test(refuses_headers_that_come_twice),
      cmocka_unit_test(a_repeated_header_is_named),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
