/* SPDX-License-Identifier: MIT
 * See slow.h. */
#include "web/slow.h"

#include <pthread.h>

#include "base/alloc.h"
#include "web/web_internal.h"

enum {
  BODIES_MOST = 64 << 20,
  SMALL_BODY = 64 << 10,
};

bool lab_slow_has_room(const lab_web *web, const lab_http_request *req) {
  size_t body = lab_http_body(req).len;
  return body <= SMALL_BODY || web->slow_bodies + body <= BODIES_MOST;
}

static void on_slow_closed(uv_handle_t *handle) {
  lab_xfree(handle->data);
}

static void on_slow_pause_over(uv_timer_t *timer);

/* They go on in the next round of the loop. */
static void end_waits_for_late(lab_web *web) {
  while (!lab_list_empty(&web->late_waits)) {
    lab_slow *s = LAB_CONTAINER(web->late_waits.next, lab_slow, late);
    lab_list_remove(&s->late);
    uv_timer_start(&s->timer, on_slow_pause_over, 0, 0);
  }
}

void lab_slow_end(lab_slow *s) {
  s->cleanup(s);
  if (s->is_late && --s->web->late_at_work == 0)
    end_waits_for_late(s->web);
  s->web->slow_bodies -= s->body;
  lab_list_remove(&s->link);
  lab_list_remove(&s->late);
  lab_http_release(s->req);
  s->timer.data = s;
  uv_close((uv_handle_t *)&s->timer, on_slow_closed);
}

static void on_slow_client_gone(lab_http_request *req, void *arg) {
  lab_slow *s = arg;
  (void)req;
  s->gone = true;
  if (s->working ? lab_work_withdraw(&s->work) : s->paused)
    lab_slow_end(s);
}

void lab_slow_begin(lab_slow *s, lab_web *web, lab_http_request *req,
                    void (*cleanup)(lab_slow *s)) {
  s->web = web;
  s->req = req;
  s->body = lab_http_body(req).len;
  web->slow_bodies += s->body;
  s->working = s->is_page = s->is_late = s->paused = s->gone = false;
  lab_list_init(&s->late);
  s->cleanup = cleanup;
  uv_timer_init(web->config.loop, &s->timer);
  lab_list_push_back(&web->slow, &s->link);
  lab_http_hold(req);
}

/* ---- work ---------------------------------------------------------------- */

static void run_slow_work(lab_work *work) {
  lab_slow *s = LAB_CONTAINER(work, lab_slow, work);
  pthread_setname_np(pthread_self(),
                     "libuv-worker"); /* as newer versions of libuv do */
  s->run(s);
}

static void on_slow_work_done(lab_work *work) {
  lab_slow *s = LAB_CONTAINER(work, lab_slow, work);
  s->working = false;
  if (s->gone)
    lab_slow_end(s);
  else
    s->next(s);
}

static void set_slow_work(lab_slow *s, void (*run)(lab_slow *s),
                          void (*next)(lab_slow *s)) {
  s->run = run;
  s->next = next;
  s->working = true;
}

static void begin_slow_work(lab_slow *s, lab_turn_line line) {
  lab_work_begin(&s->work, s->web->config.loop, line, run_slow_work,
                 on_slow_work_done);
}

void lab_slow_work(lab_slow *s, void (*run)(lab_slow *s),
                   void (*next)(lab_slow *s)) {
  set_slow_work(s, run, next);
  begin_slow_work(s, LAB_TURN_ANY);
}

void lab_slow_work_for_page(lab_slow *s, void (*run)(lab_slow *s),
                            void (*next)(lab_slow *s)) {
  if (lab_http_may_be_gone(s->req)) { /* on_slow_client_gone won't be called */
    lab_http_error(s->req, 503, "the client is gone");
    lab_slow_end(s);
    return;
  }
  lab_http_on_gone(s->req, on_slow_client_gone, s);
  set_slow_work(s, run, next);
  s->is_page = true;
  begin_slow_work(s, LAB_TURN_PAGE);
}

void lab_slow_work_at_once(lab_slow *s, void (*run)(lab_slow *s),
                           void (*next)(lab_slow *s)) {
  set_slow_work(s, run, next);
  lab_work_at_once(&s->work, s->web->config.loop, run_slow_work,
                   on_slow_work_done);
}

void lab_slow_work_late(lab_slow *s, void (*run)(lab_slow *s),
                        void (*next)(lab_slow *s)) {
  s->gone = false;
  s->is_late = true;
  s->web->late_at_work++;
  lab_slow_work(s, run, next);
}

/* ---- pauses -------------------------------------------------------------- */

static void on_slow_pause_over(uv_timer_t *timer) {
  lab_slow_wake(LAB_CONTAINER(timer, lab_slow, timer));
}

void lab_slow_pause(lab_slow *s, uint64_t ms, void (*next)(lab_slow *s)) {
  if (lab_http_is_gone(s->req)) { /* on_slow_client_gone won't be called */
    lab_http_error(s->req, 503, "the client is gone");
    lab_slow_end(s);
    return;
  }
  lab_http_on_gone(s->req, on_slow_client_gone, s);
  s->next = next;
  s->paused = true;
  uv_update_time(
      s->timer.loop); /* else the pause began when the loop woke up */
  uv_timer_start(&s->timer, on_slow_pause_over, s->web->stopping ? 0 : ms, 0);
}

void lab_slow_wake(lab_slow *s) {
  if (!s->paused)
    return;
  lab_list_remove(&s->late); /* it may wait for late work */
  s->paused = false;
  uv_timer_stop(&s->timer);
  s->next(s);
}

void lab_slow_wait_late(lab_slow *s, uint64_t ms, void (*next)(lab_slow *s)) {
  if (s->web->late_at_work == 0) {
    next(s);
    return;
  }
  lab_list_push_back(&s->web->late_waits, &s->late);
  lab_slow_pause(s, ms, next);
}

static void wake_link(lab_list *link, void *arg) {
  (void)arg;
  lab_slow_wake(LAB_CONTAINER(link, lab_slow, link));
}

static void refuse_page_turn(lab_list *link, void *arg) {
  lab_slow *s = LAB_CONTAINER(link, lab_slow, link);
  (void)arg;
  if (!s->is_page || !s->working || !lab_work_withdraw(&s->work))
    return;
  lab_http_error(s->req, 503, "the lab is stopping");
  lab_slow_end(s);
}

/* To wake a request may end it, and others. */
void lab_slow_wake_all(lab_web *web) {
  lab_list_visit_each(&web->slow, refuse_page_turn, NULL);
  lab_list_visit_each(&web->slow, wake_link, NULL);
}
