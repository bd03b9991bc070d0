/* SPDX-License-Identifier: MIT
 * See group.h. Requests that are due at a rate are waited for with a timerfd,
 * because libuv's timers know whole milliseconds only. */
#include "load/group.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "load/link.h"

enum {
  PAUSE_MS = 10, /* after a connection that couldn't be made */
  UNSENT_LATENCIES = 100000
};

static bool is_open_loop(const load_group *g) {
  return g->plan.rate > 0;
}

/* NS after the beginning; UINT64_MAX: never, as no clock gets so far. */
static uint64_t find_time_after(const load_group *g, double ns) {
  return ns < 9e18 ? g->begin_ns + (uint64_t)ns : UINT64_MAX;
}

/* When request NUMBER, counted from 0, is due at the plan's rate. */
static uint64_t find_due_time(const load_group *g, uint64_t number) {
  return find_time_after(g, (double)number * 1e9 / g->plan.rate);
}

/* How many of the plan's requests are due before the end. There may be too many
 * to count them one by one. */
static uint64_t count_due(const load_group *g) {
  uint64_t from = 0, to = g->plan.requests ? g->plan.requests : 1ull << 60;
  while (from < to) {
    uint64_t middle = from + (to - from) / 2;
    if (find_due_time(g, middle) < g->end_ns)
      from = middle + 1;
    else
      to = middle;
  }
  return from;
}

static bool has_more_requests(const load_group *g) {
  return !g->is_stopped && !g->is_over &&
         (g->plan.requests == 0 || g->seen.sent < g->plan.requests);
}

/* ---- sending ------------------------------------------------------------- */

static void send_next(load_group *g, uint64_t due, uint64_t now) {
  load_client *c = g->idle[--g->nidle];
  c->is_busy = true;
  c->has_retried = false;
  c->due_ns = due;
  c->sent_ns = now;
  g->seen.sent++;
  if (lab_load_plan_is_numbered(&g->plan)) {
    const lab_http_url *url = &g->load->url;
    lab_buf_clear(&c->text);
    lab_load_plan_write(&g->plan, url->authority, url->authority_len,
                        g->seen.sent, &c->text);
  }
  load_link_send(c);
}

static void set_due_timer(load_group *g, uint64_t when) {
  struct itimerspec spec = {
      .it_value = {(time_t)(when / LAB_SECOND), (long)(when % LAB_SECOND)}};
  timerfd_settime(g->timer_fd, TFD_TIMER_ABSTIME, &spec, NULL);
}

/* Sends what is due, as far as clients are free. */
static void send_due(load_group *g) {
  while (g->nidle > 0 && has_more_requests(g)) {
    uint64_t due = find_due_time(g, g->seen.sent), now = lab_clock_mono();
    if (due >= g->end_ns)
      return;
    if (due > now) {
      set_due_timer(g, due);
      return;
    }
    send_next(g, due, now);
  }
}

/* A client is free at NOW: it goes on, or rests for good. */
static void go_on(load_group *g, uint64_t now) {
  if (is_open_loop(g))
    send_due(g);
  else if (has_more_requests(g) && now < g->end_ns)
    send_next(g, now, now);
}

static bool is_finished(const load_group *g, uint64_t now) {
  if (g->nidle < g->plan.clients)
    return false;
  if (!has_more_requests(g))
    return true;
  uint64_t next = is_open_loop(g) ? find_due_time(g, g->seen.sent) : now;
  return next >= g->end_ns;
}

static void end_if_finished(load_group *g, uint64_t now) {
  if (!g->is_stopped && is_finished(g, now))
    load_group_done(g);
}

/* ---- what became of a request -------------------------------------------- */

static void free_client(load_client *c) {
  load_group *g = c->group;
  c->is_busy = false;
  g->idle[g->nidle++] = c;
}

void load_client_answered(load_client *c, int status) {
  load_group *g = c->group;
  uint64_t now = lab_clock_mono();
  lab_hdr_add(g->latency, now - c->due_ns);
  g->seen.status[status / 100 <= 5 ? status / 100 : 5]++;
  g->seen.elapsed_ns = now - g->begin_ns;
  free_client(c);
  go_on(g, now);
  end_if_finished(g, now);
}

static void note_failure(load_group *g, const char *why, uint64_t now) {
  if (!g->seen.error[0])
    snprintf(g->seen.error, sizeof g->seen.error, "%s", why);
  g->seen.status[0]++;
  g->seen.elapsed_ns = now - g->begin_ns;
}

void load_client_failed(load_client *c, const char *why, bool was_open) {
  load_group *g = c->group;
  uint64_t now = lab_clock_mono();
  note_failure(g, why, now);
  if (!was_open) {
    /* The ticker lets it go on, so that this ends before the next attempt. */
    c->is_busy = false;
    c->pause_until = now + PAUSE_MS * LAB_MILLISECOND;
    return;
  }
  free_client(c);
  go_on(g, now);
  end_if_finished(g, now);
}

static void end_waiting(load_client *c, uint64_t now) {
  load_group *g = c->group;
  g->seen.timeouts++;
  lab_hdr_add(g->latency, now - c->due_ns);
  note_failure(g, "time-out: no answer", now);
  load_link_drop(c);
  free_client(c);
  go_on(g, now);
}

/* ---- time passes --------------------------------------------------------- */

/* A request may have been sent after NOW: the clock is read again for it. */
static bool has_waited_too_long(const load_client *c, uint64_t now) {
  return c->is_busy && now > c->sent_ns &&
         now - c->sent_ns >= c->group->plan.timeout_ns;
}

/* Those that were due before the end, and found no client. Of millions, each
 * stands for some that were due right behind it. */
static void count_unsent(load_group *g) {
  uint64_t due = count_due(g), sent = g->seen.sent;
  uint64_t share = due > sent ? (due - sent) / UNSENT_LATENCIES + 1 : 1;
  for (uint64_t i = sent; i < due; i += share) {
    uint64_t n = due - i < share ? due - i : share;
    lab_hdr_add_times(g->latency, g->end_ns - find_due_time(g, i), n);
    g->seen.unsent += n;
  }
  g->is_over = true;
}

void load_group_tick(load_group *g, uint64_t now) {
  bool is_refused = !g->load->has_connected;
  bool is_over = is_open_loop(g) && now >= g->end_ns;
  if (g->is_stopped)
    return;
  if (is_over && has_more_requests(g)) {
    send_due(g); /* as far as it is only this process that is late */
    count_unsent(g);
  }
  for (unsigned i = 0; i < g->plan.clients; i++) {
    load_client *c = &g->clients[i];
    if (has_waited_too_long(c, now)) {
      end_waiting(c, now);
    } else if (c->pause_until && now >= c->pause_until) {
      c->pause_until = 0;
      free_client(c);
      if (is_refused) {
        load_group_done(g);
        return;
      }
      go_on(g, now);
    }
  }
  end_if_finished(g, now);
}

static void on_due(uv_poll_t *poll, int status, int events) {
  load_group *g = poll->data;
  uint64_t times;
  (void)status;
  (void)events;
  if (read(g->timer_fd, &times, sizeof times) == sizeof times && !g->is_stopped)
    send_due(g);
}

/* ---- from beginning to end ----------------------------------------------- */

static int open_due_timer(load_group *g) {
  g->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
  if (g->timer_fd < 0)
    return -errno;
  int rc = uv_poll_init(g->load->loop, &g->timer, g->timer_fd);
  if (rc) {
    close(g->timer_fd);
    g->timer_fd = -1;
    return rc;
  }
  g->timer.data = g;
  g->has_timer = true;
  g->load->users++;
  return uv_poll_start(&g->timer, UV_READABLE, on_due);
}

int load_group_open(load_group *g, lab_load *load, const lab_load_plan *plan) {
  *g = (load_group){
      .load = load, .plan = lab_load_plan_complete(plan), .timer_fd = -1};
  g->latency = lab_hdr_new();
  g->seen.latency = g->latency;
  g->clients = lab_xcalloc(g->plan.clients, sizeof *g->clients);
  g->idle = lab_xcalloc(g->plan.clients, sizeof(load_client *));
  for (unsigned i = 0; i < g->plan.clients; i++) {
    g->clients[i].group = g;
    g->idle[g->nidle++] = &g->clients[g->plan.clients - 1 - i];
  }
  if (!lab_load_plan_is_numbered(&g->plan))
    lab_load_plan_write(&g->plan, load->url.authority, load->url.authority_len,
                        0, &g->text);
  return is_open_loop(g) ? open_due_timer(g) : 0;
}

void load_group_begin(load_group *g, bool is_endless) {
  g->begin_ns = lab_clock_mono();
  g->end_ns = g->plan.duration_ns
                  ? find_time_after(g, (double)g->plan.duration_ns)
                  : UINT64_MAX;
  if (!g->plan.requests && !g->plan.duration_ns && !is_endless)
    g->plan.requests = 1;
  if (is_open_loop(g)) {
    send_due(g);
    return;
  }
  for (unsigned i = 0; i < g->plan.clients; i++)
    go_on(g, g->begin_ns);
}

static void on_due_timer_closed(uv_handle_t *handle) {
  load_group *g = handle->data;
  close(g->timer_fd);
  g->timer_fd = -1;
  load_user_gone(g->load);
}

void load_group_stop(load_group *g) {
  if (g->is_stopped)
    return;
  g->is_stopped = true;
  for (unsigned i = 0; i < g->plan.clients; i++)
    load_link_drop(&g->clients[i]);
  if (g->has_timer)
    uv_close((uv_handle_t *)&g->timer, on_due_timer_closed);
}

void load_group_free(load_group *g) {
  for (unsigned i = 0; g->clients && i < g->plan.clients; i++)
    lab_buf_free(&g->clients[i].text);
  lab_buf_free(&g->text);
  lab_xfree(g->clients);
  lab_xfree(g->idle);
  lab_xfree(g->latency);
  *g = (load_group){.is_stopped = true, .timer_fd = -1};
}
