/* SPDX-License-Identifier: MIT
 * The places in reserve: who has one, and who gives it up. */
#include "http/room.h"
#include "http/server_internal.h"
#include "http_fixture.h"

#include <arpa/inet.h>
#include <netinet/in.h>

/* One client holds the only ordinary place, another one that in reserve. */
typedef struct two_clients {
  fixture f; /* must be first */
  int port, busy, extra;
  lab_http_request *first; /* busy's; extra's is f.held */
} two_clients;

static void open_two_clients(two_clients *s, const char *extra_request) {
  fixture *f = &s->f;
  fixture_init(f);
  f->config.max_connections = 1;
  f->config.reserve = 1;
  fixture_start(f);
  s->port = fixture_listen(f);
  s->busy = fixture_connect(s->port);
  s->extra = fixture_connect(s->port);
  fixture_hold(f, s->busy);
  s->first = f->held;
  assert_false(lab_http_is_reserved(s->first));
  send_text(f, s->extra, extra_request);
  fixture_until(f, f->held != s->first);
  assert_true(lab_http_is_reserved(f->held));
}

static void close_two_clients(two_clients *s) {
  lab_http_error(s->first, 404, "no");
  close(s->busy);
  close(s->extra);
  fixture_close(&s->f);
}

#define GET_WATCH "GET /watch HTTP/1.1\r\nHost: a\r\n\r\n"

/* A request in work keeps its place; there are some more places then. */
static void the_reserve_is_above_the_maximum(void **state) {
  two_clients s;
  (void)state;
  open_two_clients(&s, GET_WATCH);
  /* It is long work, and its handler watches: it gives way to another. */
  int another = fixture_connect(s.port);
  send_text(&s.f, another, GET);
  fixture_until(&s.f, s.f.gone == 1);
  lab_buf answer = LAB_BUF_INIT;
  receive_all(&s.f, s.extra, &answer);
  assert_non_null(strstr(answer.data, "HTTP/1.1 503 Service Unavailable\r\n"));
  assert_non_null(strstr(answer.data, ": there are too many connections"));
  lab_buf_clear(&answer);
  receive_all(&s.f, another, &answer);
  assert_non_null(strstr(answer.data, "Connection: close\r\n"));
  lab_buf_free(&answer);
  close(another);
  close_two_clients(&s);
}

static void a_refused_head_has_no_body(void **state) {
  two_clients s;
  (void)state;
  open_two_clients(&s, "HEAD /watch HTTP/1.1\r\nHost: a\r\n\r\n");
  int another = fixture_connect(s.port);
  send_text(&s.f, another, GET);
  lab_buf answer = LAB_BUF_INIT;
  receive_all(&s.f, s.extra, &answer);
  assert_string_equal(answer.data, "HTTP/1.1 503 Service Unavailable\r\n"
                                   "Content-Type: text/plain; charset=utf-8\r\n"
                                   "Connection: close\r\n\r\n");
  lab_buf_free(&answer);
  close(another);
  close_two_clients(&s);
}

/* What stays must not be told as refused. */
static void a_committed_request_keeps_its_place(void **state) {
  two_clients s;
  (void)state;
  open_two_clients(&s, GET_WATCH);
  assert_true(lab_http_commit(s.f.held));
  assert_true(lab_http_commit(s.f.held));
  int another = fixture_connect(s.port);
  send_text(&s.f, another, GET);
  uint64_t until = lab_clock_mono() + 500 * LAB_MILLISECOND;
  fixture_until(&s.f, lab_clock_mono() > until);
  assert_int_equal(s.f.gone, 0);
  lab_http_respond(s.f.held, 200, NULL, NULL, "noted", 5);
  lab_buf answer = LAB_BUF_INIT;
  receive_all(&s.f, s.extra, &answer);
  assert_non_null(strstr(answer.data, "noted"));
  lab_buf_clear(&answer);
  receive_all(&s.f, another, &answer);
  assert_non_null(strstr(answer.data, "hello world"));
  lab_buf_free(&answer);
  close(another);
  close_two_clients(&s);
}

/* Who has sent its whole request isn't closed for the next one, also if the
 * head is longer than what is read in one go. */
static void long_heads_keep_their_place(void **state) {
  enum { CLIENTS = 60 };
  static char head[6000];
  fixture f;
  int fds[CLIENTS];
  (void)state;
  fixture_init(&f);
  f.config.max_connections = 8;
  f.config.reserve = 1;
  fixture_start(&f);
  int port = fixture_listen(&f);
  for (int i = 0; i < CLIENTS; i++) {
    int len = snprintf(head, sizeof head,
                       "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n"
                       "Cookie: %0*d\r\n\r\n",
                       i * 80, 1);
    fds[i] = fixture_connect(port);
    assert_int_equal(write(fds[i], head, (size_t)len), len);
  }
  for (int i = 0; i < CLIENTS; i++) {
    lab_buf answer = LAB_BUF_INIT;
    receive_all(&f, fds[i], &answer);
    assert_non_null(strstr(answer.data, "hello world"));
    lab_buf_free(&answer);
    close(fds[i]);
  }
  fixture_close(&f);
}

/* Long is what isn't called /hold, also where no handler watches. */
static bool is_kept(const lab_http_request *req, void *arg) {
  (void)arg;
  return strcmp(lab_http_path(req).data, "/hold") == 0;
}

/* Each of many long requests would have its moment; but those behind them don't
 * wait for that many times. */
static void many_long_requests_give_way_at_once(void **state) {
  enum { LONG = 12 };
  fixture f;
  (void)state;
  fixture_init(&f);
  f.config.max_connections = 1;
  f.config.reserve = 2;
  f.config.keeps_place = is_kept;
  fixture_start(&f);
  int port = fixture_listen(&f), busy = fixture_connect(port), crowd[LONG];
  fixture_hold(&f, busy);
  lab_http_request *first = f.held;
  int kept = fixture_connect(port);
  fixture_hold(&f, kept);
  lab_http_request *second = f.held;
  for (int i = 0; i < LONG; i++) {
    static const char watch[] = "GET /watch HTTP/1.1\r\nHost: a\r\n\r\n";
    crowd[i] = fixture_connect(port);
    assert_int_equal(write(crowd[i], watch, sizeof watch - 1),
                     sizeof watch - 1);
  }
  uint64_t began = lab_clock_mono();
  int last = fixture_connect(port);
  send_text(&f, last, GET);
  lab_buf answer = LAB_BUF_INIT;
  receive_all(&f, last, &answer);
  assert_non_null(strstr(answer.data, "hello world"));
  assert_true(lab_clock_mono() - began < 250 * LAB_MILLISECOND);
  assert_int_equal(f.gone, LONG);
  for (int i = 0; i < LONG; i++) {
    lab_buf_clear(&answer);
    receive_all(&f, crowd[i], &answer);
    assert_non_null(strstr(answer.data, " 503 "));
    close(crowd[i]);
  }
  lab_http_respond(second, 200, NULL, NULL, "kept", 4);
  lab_buf_clear(&answer);
  receive_all(&f, kept, &answer);
  assert_non_null(strstr(answer.data, "kept"));
  lab_buf_free(&answer);
  lab_http_error(first, 404, "no");
  close(kept);
  close(last);
  close(busy);
  fixture_close(&f);
}

static bool may_give; /* whether anybody gives way who is asked */
static unsigned asked;

static bool keeps_if_told(const lab_http_request *req, void *arg) {
  (void)req;
  (void)arg;
  asked++;
  return !may_give;
}

/* A server without any place: whenever one of its GUESTS goes, it tries to
 * accept somebody, in vain. */
enum { GUESTS = 3 };

typedef struct full_server {
  fixture f;
  int port, fds[2];
  lab_http_request *requests[2];
  int guest_fds[GUESTS];
  lab_http_request *guests[GUESTS];
} full_server;

static void open_full_server(full_server *s) {
  may_give = false;
  fixture_init(&s->f);
  s->f.config.max_connections = 1;
  s->f.config.reserve = 1;
  s->f.config.keeps_place = keeps_if_told;
  fixture_start(&s->f);
  s->port = fixture_listen(&s->f);
  for (int i = 0; i < 2; i++) {
    s->fds[i] = fixture_connect(s->port);
    fixture_hold(&s->f, s->fds[i]);
    s->requests[i] = s->f.held;
  }
  for (int i = 0; i < GUESTS; i++) {
    s->guest_fds[i] = fixture_client(&s->f);
    fixture_hold(&s->f, s->guest_fds[i]);
    s->guests[i] = s->f.held;
  }
}

static void close_full_server(full_server *s) {
  for (int i = 0; i < 2; i++) {
    lab_http_error(s->requests[i], 404, "no");
    close(s->fds[i]);
  }
  fixture_close(&s->f);
}

/* Returns when the server has tried to give the place to somebody. */
static void end_guest(full_server *s, int i) {
  unsigned left = lab_http_connections(s->f.server) - 1;
  lab_http_error(s->guests[i], 404, "no");
  close(s->guest_fds[i]);
  fixture_until(&s->f, lab_http_connections(s->f.server) == left);
  fixture_until(&s->f, !s->f.server->accepting);
}

static uint64_t find_next_try(const fixture *f) {
  return uv_now(&f->loop) + uv_timer_get_due_in(&f->server->sweep);
}

/* Tries that are in vain don't make it longer. If this process has stopped
 * meanwhile, the next try is over. */
static void patience_ends_in_time(void **state) {
  full_server s;
  (void)state;
  open_full_server(&s);
  const lab_http_listener *l = s.f.server->listeners;
  int waiting = fixture_connect(s.port);
  fixture_until(&s.f, l->waited_since > 0);
  uint64_t end = l->waited_since + LAB_HTTP_PRESS_MS;
  assert_true(find_next_try(&s.f) <= end);
  fixture_until(&s.f, uv_now(&s.f.loop) > l->waited_since);
  end_guest(&s, 0);
  assert_true(uv_now(&s.f.loop) >= end || find_next_try(&s.f) <= end);
  /* When it is over, neither. */
  for (int i = 1; i < GUESTS; i++) {
    fixture_until(&s.f, uv_now(&s.f.loop) >= end &&
                            uv_timer_get_due_in(&s.f.server->sweep) < 90);
    uint64_t next = find_next_try(&s.f);
    end_guest(&s, i);
    assert_true(uv_now(&s.f.loop) >= next || find_next_try(&s.f) <= next);
  }
  /* But it doesn't try again and again. */
  uint64_t since = uv_now(&s.f.loop);
  asked = 0;
  fixture_until(&s.f, uv_now(&s.f.loop) >= since + 350);
  assert_in_range(asked, 1, 10);
  close(waiting);
  close_full_server(&s);
}

/* ---- two listeners ------------------------------------------------------- */

enum { PLACES = 3, REQUESTS_MAX = 80, AT_ONCE = 64 };

/* All places are taken, and so is the one in reserve: by a client that gives it
 * up to those behind if MAY_GIVE. Of two listeners, the server looks at the
 * second one first. */
typedef struct two_listeners {
  fixture f; /* must be first */
  int ports[2];
  lab_http_listener *listeners[2];
  int fds[REQUESTS_MAX];
  lab_http_request *requests[REQUESTS_MAX]; /* as they came in; NULL once
                                               answered */
  unsigned connected, count;
} two_listeners;

static void hold_in_order(lab_http_request *req, void *arg) {
  two_listeners *s = arg;
  assert_true(s->count < REQUESTS_MAX);
  s->requests[s->count++] = req;
}

/* A client of the listener I; its target is the number of clients before. */
static void add_client(two_listeners *s, int i) {
  char text[80];
  int fd = fixture_connect(s->ports[i]);
  int len = snprintf(text, sizeof text, "GET /%u HTTP/1.1\r\nHost: a\r\n\r\n",
                     s->connected);
  assert_int_equal(write(fd, text, (size_t)len), len);
  s->fds[s->connected++] = fd;
}

static void open_two_listeners(two_listeners *s) {
  fixture *f = &s->f;
  s->connected = s->count = 0;
  may_give = false;
  fixture_init(f);
  f->config.max_connections = PLACES;
  f->config.reserve = 1;
  f->config.keeps_place = keeps_if_told;
  f->config.on_request = hold_in_order;
  fixture_start(f);
  for (int i = 0; i < 2; i++) {
    s->ports[i] = fixture_listen(f);
    s->listeners[i] = f->server->listeners;
  }
  for (unsigned i = 0; i <= PLACES; i++) {
    add_client(s, 0);
    fixture_until(f, s->count == i + 1);
  }
  assert_true(lab_http_is_reserved(s->requests[PLACES]));
  assert_false(lab_http_is_pressed(s->requests[PLACES]));
}

static void answer_request(two_listeners *s, unsigned i) {
  if (s->requests[i])
    lab_http_error(s->requests[i], 404, "no");
  s->requests[i] = NULL;
}

static void close_two_listeners(two_listeners *s) {
  for (unsigned i = 0; i < s->count; i++)
    answer_request(s, i);
  for (unsigned i = 0; i < s->connected; i++)
    close(s->fds[i]);
  fixture_close(&s->f);
}

/* Somebody waits at the listener I already. */
static void lose_patience(two_listeners *s, int i) {
  uint64_t end = s->listeners[i]->waited_since + LAB_HTTP_PRESS_MS;
  fixture_until(&s->f, uv_now(&s->f.loop) >= end);
  asked = 0;
  fixture_until(&s->f, asked > 0);
}

static const char *find_target(const two_listeners *s, unsigned i) {
  return lab_http_path(s->requests[i]).data;
}

/* Those of the one wait for a place, whoever comes to the other. */
static void listeners_wait_each_for_itself(void **state) {
  two_listeners s;
  (void)state;
  open_two_listeners(&s);
  const lab_http_request *spare = s.requests[PLACES];
  add_client(&s, 0);
  fixture_until(&s.f, s.listeners[0]->waited_since > 0);
  lose_patience(&s, 0);
  assert_true(lab_http_is_pressed(spare));
  add_client(&s, 1);
  fixture_until(&s.f, s.listeners[1]->waited_since > 0);
  assert_true(lab_http_is_pressed(spare));
  /* Who has waited for longest is first. */
  may_give = true;
  fixture_until(&s.f, s.count == PLACES + 3);
  assert_string_equal(find_target(&s, PLACES + 1), "/4");
  assert_string_equal(find_target(&s, PLACES + 2), "/5");
  close_two_listeners(&s);
}

/* One listener's clients never all get a place, but the other's come in. */
static void serve_both(int flooded) {
  enum { QUEUE = 6 };
  two_listeners s;
  open_two_listeners(&s);
  for (int i = 0; i < QUEUE; i++)
    add_client(&s, flooded);
  fixture_until(&s.f, s.listeners[flooded]->waited_since > 0);
  lose_patience(&s, flooded);
  add_client(&s, !flooded);
  char target[16];
  snprintf(target, sizeof target, "/%u", s.connected - 1);
  fixture_until(&s.f, s.listeners[!flooded]->waited_since > 0);
  bool served = false;
  for (unsigned i = 0; i < 4 * QUEUE && !served; i++) {
    unsigned before = s.count;
    add_client(&s, flooded);
    answer_request(&s, i);
    fixture_until(&s.f, s.count > before);
    served = strcmp(find_target(&s, s.count - 1), target) == 0;
  }
  assert_true(served);
  close_two_listeners(&s);
}

static void no_listener_starves(void **state) {
  (void)state;
  serve_both(0);
  serve_both(1);
}

/* Two connections go. So one client gets an ordinary place, and the next one
 * that in reserve; but the third has waited, too. */
static void who_waits_still_presses(void **state) {
  two_listeners s;
  (void)state;
  open_two_listeners(&s);
  const lab_http_request *spare = s.requests[PLACES];
  for (int i = 0; i < 3; i++)
    add_client(&s, 0);
  fixture_until(&s.f, s.listeners[0]->waited_since > 0);
  lose_patience(&s, 0);
  assert_true(lab_http_is_pressed(spare));
  answer_request(&s, 0);
  answer_request(&s, 1);
  fixture_until(&s.f, s.count == PLACES + 3);
  assert_false(lab_http_is_reserved(s.requests[PLACES + 1]));
  assert_true(lab_http_is_reserved(s.requests[PLACES + 2]));
  assert_true(lab_http_is_pressed(spare));
  answer_request(&s, PLACES + 1);
  fixture_until(&s.f, s.count == PLACES + 4);
  assert_false(lab_http_is_pressed(spare));
  close_two_listeners(&s);
}

/* Also if there are many. */
static void the_last_one_ends_the_pressure(void **state) {
  two_listeners s;
  (void)state;
  open_two_listeners(&s);
  for (int i = 0; i < AT_ONCE; i++)
    add_client(&s, 0);
  fixture_until(&s.f, s.listeners[0]->waited_since > 0);
  lose_patience(&s, 0);
  may_give = true;
  fixture_until(&s.f, s.count == PLACES + 1 + AT_ONCE);
  assert_false(lab_http_is_pressed(s.requests[PLACES + AT_ONCE]));
  close_two_listeners(&s);
}

/* Who has its answer may give way: nobody waits for the next try then. */
static void an_answer_is_a_place(void **state) {
  two_listeners s;
  (void)state;
  open_two_listeners(&s);
  add_client(&s, 0);
  fixture_until(&s.f, s.listeners[0]->waited_since > 0);
  lose_patience(&s, 0);
  fixture_until(&s.f, find_next_try(&s.f) > uv_now(&s.f.loop) + 90);
  uint64_t next = find_next_try(&s.f);
  lab_http_respond(s.requests[0], 200, NULL, NULL, "kept", 4);
  s.requests[0] = NULL;
  for (int i = 0; i < 5; i++)
    fixture_turn(&s.f);
  assert_true(s.count == PLACES + 2 || uv_now(&s.f.loop) >= next);
  close_two_listeners(&s);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_reserve_is_above_the_maximum),
      cmocka_unit_test(a_refused_head_has_no_body),
      cmocka_unit_test(a_committed_request_keeps_its_place),
      cmocka_unit_test(long_heads_keep_their_place),
      cmocka_unit_test(many_long_requests_give_way_at_once),
      cmocka_unit_test(patience_ends_in_time),
      cmocka_unit_test(listeners_wait_each_for_itself),
      cmocka_unit_test(no_listener_starves),
      cmocka_unit_test(who_waits_still_presses),
      cmocka_unit_test(the_last_one_ends_the_pressure),
      cmocka_unit_test(an_answer_is_a_place),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
