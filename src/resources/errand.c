/* SPDX-License-Identifier: MIT
 * See errand.h. */
#include "resources/errand.h"

#include "base/clock.h"
#include "prof/files.h"
#include "resources/fds.h"
#include "resources/resources.h"
#include "vm/vm.h"
#include "vm/walk.h"

/* Of the control thread's time, in one round of its loop. */
static const uint64_t PATIENCE_NS = 2 * LAB_MILLISECOND;

static lab_errands *get_errands(const lab_vm *vm) {
  return &vm->resources->errands;
}

void lab_errands_init(lab_vm *vm, const lab_services *services) {
  get_errands(vm)->services = services;
  lab_list_init(&get_errands(vm)->started);
}

void lab_order_send(lab_vm *vm, lab_order *o, void (*run)(lab_order *)) {
  o->run = run;
  lab_mpsc_push(&get_errands(vm)->orders, &o->node);
  lab_call_wake(vm);
}

/* Whether there was one: it has run. */
static bool run_next_order(lab_errands *errands) {
  if (!errands->taken)
    errands->taken = lab_mpsc_take_all(&errands->orders);
  if (!errands->taken)
    return false;
  lab_order *o = LAB_CONTAINER(errands->taken, lab_order, node);
  errands->taken = errands->taken->next;
  o->run(o);
  return true;
}

/* A step may order ten thousand things at once: clients are served in between.
 * At the end nothing is left. */
void lab_orders_run(lab_vm *vm) {
  uint64_t stop = lab_clock_mono() + PATIENCE_NS;
  while (run_next_order(get_errands(vm)))
    if (!atomic_load(&vm->stopping) && lab_clock_mono() >= stop) {
      lab_call_wake(vm);
      return;
    }
}

/* ---- the control thread -------------------------------------------------- */

static void start_errand(lab_order *o) {
  lab_errand *e = LAB_CONTAINER(o, lab_errand, start_order);
  lab_list_push_back(&get_errands(e->vm)->started, &e->link);
  e->start(e);
}

static void free_errand(lab_order *o) {
  lab_errand *e = LAB_CONTAINER(o, lab_errand, start_order);
  lab_list_remove(&e->link);
  e->freed(e);
}

void lab_errands_free(lab_vm *vm) {
  const lab_list *all = &get_errands(vm)->started;
  while (!lab_list_empty(all))
    free_errand(&LAB_CONTAINER(all->next, lab_errand, link)->start_order);
}

static void stop_errand(lab_order *o) {
  lab_errand *e = LAB_CONTAINER(o, lab_errand, stop_order);
  e->stops_again = false;
  e->stop(e);
  if (!e->stops_again) {
    lab_sched_post(e->vm->sched, &e->goodbye);
    return;
  }
  lab_errands *errands = get_errands(e->vm);
  o->node.next = errands->taken;
  errands->taken = &o->node;
}

void lab_errand_stop_again(lab_errand *e) {
  e->stops_again = true;
}

void lab_errand_tell(lab_errand *e, int news) {
  lab_sched_post(e->vm->sched, &e->news[news]);
}

int lab_errand_opened(const lab_errand *e, int fd) {
  return lab_fd_enter(fd, e->stack, e->label);
}

void lab_errand_closing(int fd) {
  lab_fd_leave(fd);
}

int lab_errand_take(lab_errand *e) {
  return lab_fd_account_take(e->vm, &e->fds);
}

void lab_errand_accepted(const lab_errand *e, int fd) {
  lab_files_opened(fd, e->stack, e->label);
}

void lab_errand_give(lab_errand *e, int fd) {
  lab_fd_account_give(e->vm, &e->fds, fd);
}

/* ---- the VM -------------------------------------------------------------- */

static void deliver_first_news(lab_post *post) {
  lab_errand *e = LAB_CONTAINER(post, lab_errand, news[0]);
  if (!e->stopped)
    e->told(e, 0);
}

static void deliver_second_news(lab_post *post) {
  lab_errand *e = LAB_CONTAINER(post, lab_errand, news[1]);
  if (!e->stopped)
    e->told(e, 1);
}

static void deliver_goodbye(lab_post *post) {
  lab_errand *e = LAB_CONTAINER(post, lab_errand, goodbye);
  lab_order_send(e->vm, &e->start_order, free_errand);
}

const lab_services *lab_services_of(const lab_vm *vm) {
  return get_errands(vm)->services;
}

const lab_services *lab_lua_check_services(lua_State *L) {
  lab_vm *vm = lab_vm_of(L);
  const lab_services *services = lab_services_of(vm);
  if (!services)
    luaL_error(L, "there are no services here");
  if (!vm->running)
    luaL_error(L, "no task runs that could do this");
  return services;
}

void lab_errand_begin(lua_State *L, lab_errand *e) {
  lab_vm *vm = e->vm = lab_vm_of(L);
  e->stack = lab_walk(L, 0);
  e->label = vm->running ? vm->running->base.label : 0;
  e->news[0].deliver = deliver_first_news;
  e->news[1].deliver = deliver_second_news;
  e->goodbye.deliver = deliver_goodbye;
  lab_order_send(vm, &e->start_order, start_errand);
}

void lab_errand_end(lab_errand *e) {
  lab_fd_account_close(e->vm, &e->fds);
  e->stopped = true;
  lab_order_send(e->vm, &e->stop_order, stop_errand);
}
