/* SPDX-License-Identifier: MIT
 * See watch.h. */
#include "resources/watch.h"

#include <errno.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "resources/resources.h"
#include "vm/vm.h"
#include "vm/walk.h"

enum { BATCH = 64 };
static const uint32_t BAD_NEWS = EPOLLERR | EPOLLHUP; /* for both sides */

struct lab_poller {
  lab_bell bell; /* its fd is the outer set */
  int inner;
  int error;        /* negative errno: it can't ring */
  lab_owned owned;  /* the step's hold */
  unsigned holds;   /* the step's, and one of each of the watches */
  lab_list watches; /* by lab_watch.link */
  lab_post ringing; /* the letter to the VM, */
  atomic_bool sent; /* which is on its way */
};

static lab_poller *get_poller(lab_errand *e) {
  return LAB_CONTAINER(e, lab_poller, bell.errand);
}

/* ---- who is served ------------------------------------------------------- */

static uint32_t event_of_side(int side) {
  return side == LAB_WATCH_IN ? EPOLLIN : EPOLLOUT;
}

static lab_task *find_first_waiting(const lab_watch_side *s) {
  return lab_list_empty(&s->waiting)
             ? NULL
             : LAB_CONTAINER(s->waiting.next, lab_task, link);
}

/* The task that is served and waits for the kernel, or NULL. */
static lab_task *find_served(const lab_watch_side *s) {
  lab_task *first = find_first_waiting(s);
  return first && first->id == s->turn ? first : NULL;
}

static uint64_t get_running_id(const lab_watch *w) {
  return w->vm->running->base.id;
}

/* Who has waited longest is served from now on, and tries. */
static void serve_next(lab_watch *w, lab_watch_side *s) {
  lab_task *next = find_first_waiting(s);
  s->turn = next ? next->id : 0;
  if (next)
    lab_task_ready(w->vm->sched, next);
}

void lab_watch_begin(lab_watch *w, int side) {
  if (w->sides[side].turn == 0 && w->fd >= 0)
    w->sides[side].turn = get_running_id(w);
}

int lab_watch_may_try(const lab_watch *w, int side) {
  if (w->fd < 0)
    return -EBADF;
  return w->sides[side].turn == get_running_id(w) ? 0 : -EAGAIN;
}

void lab_watch_end(lab_watch *w, int side) {
  lab_watch_side *s = &w->sides[side];
  if (s->turn == get_running_id(w))
    serve_next(w, s);
}

void lab_watch_check(lua_State *L, lab_watch *w, int side) {
  if (w->vm->running->base.cancelled)
    lab_watch_end(w, side);
  lab_lua_check_cancelled(L);
}

/* ---- what the kernel reports --------------------------------------------- */

/* Has the kernel report EVENT, too. 0 or negative errno. */
static int arm_watch(lab_watch *w, uint32_t event) {
  bool is_new = lab_list_empty(&w->link);
  struct epoll_event ev = {.events = w->armed | event | EPOLLONESHOT,
                           .data.ptr = w};
  if (w->armed & event)
    return 0;
  if (epoll_ctl(w->poller->inner, is_new ? EPOLL_CTL_ADD : EPOLL_CTL_MOD, w->fd,
                &ev) < 0)
    return -errno;
  if (is_new)
    lab_list_push_back(&w->poller->watches, &w->link);
  w->armed |= event;
  return 0;
}

/* The served tasks of W for which EVENTS are good or bad news try again. For
 * the others the kernel must be told once more. */
static void wake_served(lab_watch *w, uint32_t events) {
  w->armed = 0;
  for (int side = 0; side < LAB_WATCH_SIDES; side++) {
    uint32_t event = event_of_side(side);
    lab_task *served = find_served(&w->sides[side]);
    bool is_news = events & (event | BAD_NEWS);
    if (served && (is_news || arm_watch(w, event)))
      lab_task_ready(w->vm->sched, served);
  }
}

/* 0 or negative errno. Once there was news the VM asks for the next. */
static int arm_bell(lab_poller *p, int operation) {
  struct epoll_event ev = {.events = EPOLLIN | EPOLLONESHOT};
  return epoll_ctl(p->bell.fd, operation, p->inner, &ev) < 0 ? -errno : 0;
}

static void deliver_ring(lab_post *post) {
  lab_poller *p = LAB_CONTAINER(post, lab_poller, ringing);
  struct epoll_event ready[BATCH];
  int n = p->bell.errand.stopped ? 0 : epoll_wait(p->inner, ready, BATCH, 0);
  for (int i = 0; i < n; i++)
    wake_served(ready[i].data.ptr, ready[i].events);
  atomic_store(&p->sent, false); /* so that C knows the order, too */
  arm_bell(p, EPOLL_CTL_MOD);
}

void lab_watch_ring(lab_bell *bell) {
  lab_poller *p = get_poller(&bell->errand);
  struct epoll_event ev;
  if (epoll_wait(bell->fd, &ev, 1, 0) == 1 && !atomic_exchange(&p->sent, true))
    lab_sched_post(bell->errand.vm->sched, &p->ringing);
}

/* ---- the poller's life --------------------------------------------------- */

static void close_sets(lab_poller *p) {
  if (p->inner >= 0)
    close(p->inner);
  if (p->bell.fd >= 0)
    close(p->bell.fd);
}

static void free_poller(lab_errand *e) {
  close_sets(get_poller(e));
  lab_xfree(get_poller(e));
}

static void let_go_of_poller(lab_poller *p) {
  lab_vm *vm = p->bell.errand.vm;
  if (--p->holds > 0)
    return;
  vm->resources->poller = NULL;
  lab_errand_end(&p->bell.errand);
}

static void reclaim_poller(lab_owned *o) {
  let_go_of_poller(LAB_CONTAINER(o, lab_poller, owned));
}

/* The control thread can't watch it: whoever waits finds that out. */
static void hear_of_bell(lab_errand *e, int news) {
  (void)news;
  lab_poller *p = get_poller(e);
  const lab_list *all = &p->watches;
  p->error = p->bell.error;
  for (lab_list *l = all->next; l != all; l = l->next)
    wake_served(LAB_CONTAINER(l, lab_watch, link), BAD_NEWS);
}

static int open_sets(lab_poller *p) {
  p->inner = epoll_create1(EPOLL_CLOEXEC);
  p->bell.fd = epoll_create1(EPOLL_CLOEXEC);
  if (p->inner < 0 || p->bell.fd < 0)
    return -errno;
  return arm_bell(p, EPOLL_CTL_ADD);
}

/* Makes the step's poller. 0 or negative errno. */
static int begin_poller(lua_State *L, lab_vm *vm) {
  const lab_services *services = lab_services_of(vm);
  lab_poller *p = lab_xcalloc(1, sizeof *p);
  int rc = open_sets(p);
  if (rc) {
    close_sets(p);
    lab_xfree(p);
    return rc;
  }
  lab_list_init(&p->watches);
  p->ringing.deliver = deliver_ring;
  p->bell.errand.start = services->watch;
  p->bell.errand.stop = services->stop_watch;
  p->bell.errand.told = hear_of_bell;
  p->bell.errand.freed = free_poller;
  p->holds = 1;
  lab_owned_add(vm, &p->owned, NULL, reclaim_poller);
  lab_errand_begin(L, &p->bell.errand);
  vm->resources->poller = p;
  return 0;
}

/* W has a hold of the step's poller from now on. 0 or negative errno. */
static int join_poller(lua_State *L, lab_watch *w) {
  int rc = w->vm->resources->poller ? 0 : begin_poller(L, w->vm);
  if (rc)
    return rc;
  w->poller = w->vm->resources->poller;
  w->poller->holds++;
  return 0;
}

/* ---- waiting ------------------------------------------------------------- */

/* Has the kernel say when W's SIDE is ready. */
static int ask_kernel(lua_State *L, lab_watch *w, int side) {
  int rc = w->poller ? 0 : join_poller(L, w);
  if (rc == 0)
    rc = w->poller->error;
  return rc ? rc : arm_watch(w, event_of_side(side));
}

int lab_watch_wait(lua_State *L, lab_watch *w, int side, uint64_t deadline) {
  lab_watch_side *s = &w->sides[side];
  lab_task *me = &w->vm->running->base;
  uint64_t now = deadline == LAB_WATCH_FOREVER ? 0 : lab_clock_mono();
  if (now >= deadline)
    return -ETIME;
  bool is_served = s->turn == me->id;
  int rc = is_served ? ask_kernel(L, w, side) : 0;
  if (rc)
    return rc;
  lab_task_park(w->vm->sched, me, LAB_WAIT_NET, lab_walk(L, 0));
  lab_list_push_back(is_served ? s->waiting.next : &s->waiting, &me->link);
  if (deadline != LAB_WATCH_FOREVER)
    lab_task_wake_after(w->vm->sched, me, deadline - now);
  return 0;
}

/* ---- the descriptor ------------------------------------------------------ */

void lab_watch_init(lab_vm *vm, lab_watch *w) {
  *w = (lab_watch){.vm = vm, .fd = -1};
  lab_list_init(&w->link);
  for (int side = 0; side < LAB_WATCH_SIDES; side++)
    lab_list_init(&w->sides[side].waiting);
}

/* While a child process is being started it has the descriptor, too, so closing
 * it wouldn't take it out of the set. */
static void leave_poller(lab_watch *w) {
  epoll_ctl(w->poller->inner, EPOLL_CTL_DEL, w->fd, NULL);
  lab_list_remove(&w->link);
  let_go_of_poller(w->poller);
  w->poller = NULL;
  w->armed = 0;
}

static void wake_all_waiting(lab_watch *w, lab_watch_side *s) {
  s->turn = 0;
  for (lab_task *t; (t = find_first_waiting(s));)
    lab_task_ready(w->vm->sched, t);
}

void lab_watch_close(lab_watch *w) {
  if (w->fd < 0)
    return;
  if (w->poller)
    leave_poller(w);
  lab_fd_closing(w->vm, w->fd);
  close(w->fd);
  w->fd = -1;
  for (int side = 0; side < LAB_WATCH_SIDES; side++)
    wake_all_waiting(w, &w->sides[side]);
}
