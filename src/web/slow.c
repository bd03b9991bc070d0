/* SPDX-License-Identifier: MIT
 * See slow.h. */
#include "web/slow.h"

#include <pthread.h>

#include "base/alloc.h"
#include "web/web_internal.h"

enum {
  AT_WORK_MOST = 3, /* of the pool's threads; of these, for the page: */
  PAGE_MOST = 1,
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
    lab_slow *s = LAB_CONTAINER(web->late_waits.next, lab_slow, turn);
    lab_list_remove(&s->turn);
    uv_timer_start(&s->timer, on_slow_pause_over, 0, 0);
  }
}

void lab_slow_end(lab_slow *s) {
  s->cleanup(s);
  if (s->is_late && --s->web->late_at_work == 0)
    end_waits_for_late(s->web);
  s->web->slow_bodies -= s->body;
  lab_list_remove(&s->link);
  lab_list_remove(&s->turn);
  lab_http_release(s->req);
  s->timer.data = s;
  uv_close((uv_handle_t *)&s->timer, on_slow_closed);
}

static void on_slow_client_gone(lab_http_request *req, void *arg) {
  lab_slow *s = arg;
  (void)req;
  s->gone = true;
  if (s->working && !lab_list_empty(&s->turn))
    lab_slow_end(s); /* it has not begun */
  else if (s->working)
    uv_cancel((uv_req_t *)&s->work); /* no effect on work that has begun */
  else if (s->paused)
    lab_slow_end(s);
}

void lab_slow_begin(lab_slow *s, lab_web *web, lab_http_request *req,
                    void (*cleanup)(lab_slow *s)) {
  s->web = web;
  s->req = req;
  s->body = lab_http_body(req).len;
  web->slow_bodies += s->body;
  s->working = s->urgent = s->is_page = s->is_late = false;
  s->paused = s->gone = false;
  lab_list_init(&s->turn);
  s->cleanup = cleanup;
  uv_timer_init(web->config.loop, &s->timer);
  lab_list_push_back(&web->slow, &s->link);
  lab_http_hold(req);
}

/* ---- work ---------------------------------------------------------------- */

static void run_slow_work(uv_work_t *work) {
  lab_slow *s = LAB_CONTAINER(work, lab_slow, work);
  pthread_setname_np(pthread_self(),
                     "libuv-worker"); /* as newer versions of libuv do */
  s->run(s);
}

static void on_slow_work_done(uv_work_t *work, int status);

static void queue_slow_work(lab_slow *s) {
  uv_queue_work(s->web->config.loop, &s->work, run_slow_work,
                on_slow_work_done);
}

/* The line whose first one may begin now, or NULL. The page's comes first: all
 * but PAGE_MOST of the threads are for the others in any case. */
static lab_list *find_slow_line(lab_web *web) {
  if (web->slow_at_work == AT_WORK_MOST)
    return NULL;
  if (web->pages_at_work < PAGE_MOST && !lab_list_empty(&web->page_turns))
    return &web->page_turns;
  return lab_list_empty(&web->slow_turns) ? NULL : &web->slow_turns;
}

static void begin_slow_turns(lab_web *web) {
  for (lab_list *line; (line = find_slow_line(web));) {
    lab_slow *s = LAB_CONTAINER(line->next, lab_slow, turn);
    lab_list_remove(&s->turn);
    web->slow_at_work++;
    web->pages_at_work += s->is_page;
    queue_slow_work(s);
  }
}

static void on_slow_work_done(uv_work_t *work, int status) {
  lab_slow *s = LAB_CONTAINER(work, lab_slow, work);
  (void)status; /* cancelled only if the client is gone */
  s->working = false;
  if (!s->urgent) {
    s->web->slow_at_work--;
    s->web->pages_at_work -= s->is_page;
    begin_slow_turns(s->web);
  }
  if (s->gone)
    lab_slow_end(s);
  else
    s->next(s);
}

static void set_slow_work(lab_slow *s, void (*run)(lab_slow *s),
                          void (*next)(lab_slow *s), bool urgent) {
  s->run = run;
  s->next = next;
  s->working = true;
  s->urgent = urgent;
}

void lab_slow_work(lab_slow *s, void (*run)(lab_slow *s),
                   void (*next)(lab_slow *s)) {
  set_slow_work(s, run, next, false);
  lab_list_push_back(&s->web->slow_turns, &s->turn);
  begin_slow_turns(s->web);
}

void lab_slow_work_for_page(lab_slow *s, void (*run)(lab_slow *s),
                            void (*next)(lab_slow *s)) {
  if (lab_http_may_be_gone(s->req)) { /* on_slow_client_gone won't be called */
    lab_http_error(s->req, 503, "the client is gone");
    lab_slow_end(s);
    return;
  }
  lab_http_on_gone(s->req, on_slow_client_gone, s);
  set_slow_work(s, run, next, false);
  s->is_page = true;
  lab_list_push_back(&s->web->page_turns, &s->turn);
  begin_slow_turns(s->web);
}

void lab_slow_work_at_once(lab_slow *s, void (*run)(lab_slow *s),
                           void (*next)(lab_slow *s)) {
  set_slow_work(s, run, next, true);
  queue_slow_work(s);
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
  lab_list_remove(&s->turn); /* it may wait for late work */
  s->paused = false;
  uv_timer_stop(&s->timer);
  s->next(s);
}

void lab_slow_wait_late(lab_slow *s, uint64_t ms, void (*next)(lab_slow *s)) {
  if (s->web->late_at_work == 0) {
    next(s);
    return;
  }
  lab_list_push_back(&s->web->late_waits, &s->turn);
  lab_slow_pause(s, ms, next);
}

static void wake_link(lab_list *link, void *arg) {
  (void)arg;
  lab_slow_wake(LAB_CONTAINER(link, lab_slow, link));
}

static void refuse_page_turns(lab_web *web) {
  while (!lab_list_empty(&web->page_turns)) {
    lab_slow *s = LAB_CONTAINER(web->page_turns.next, lab_slow, turn);
    lab_http_error(s->req, 503, "the lab is stopping");
    lab_slow_end(s);
  }
}

/* To wake a request may end it, and others. */
void lab_slow_wake_all(lab_web *web) {
  refuse_page_turns(web);
  lab_list_visit_each(&web->slow, wake_link, NULL);
}
