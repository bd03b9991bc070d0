/* SPDX-License-Identifier: MIT
 * Errands: orders to the control thread, news from there. See script.h.
 *
 * Letters of one thread arrive in order, in both directions. So the control
 * thread sees stop after start, and the VM sees the goodbye, which answers
 * stop, after all news: then it lets the control thread free the object. (That
 * has a list of them: when the VM is gone, it frees what is left.) */
#include "script/vm.h"

void lab_vm_order(lab_vm *vm, lab_order *o, void (*run)(lab_order *)) {
  o->run = run;
  lab_mpsc_push(&vm->orders, &o->node);
  vm->wake(vm->wake_arg);
}

void lab_vm_run_orders(lab_vm *vm) {
  lab_mpsc_node *node = lab_mpsc_take_all(&vm->orders);
  while (node) {
    lab_mpsc_node *next = node->next;
    lab_order *o = LAB_CONTAINER(node, lab_order, node);
    o->run(o);
    node = next;
  }
}

/* ---- the control thread -------------------------------------------------- */

static void run_start(lab_order *o) {
  lab_errand *e = LAB_CONTAINER(o, lab_errand, start_order);
  lab_list_push_back(&e->vm->errands, &e->link);
  e->start(e);
}

static void run_free(lab_order *o) {
  lab_errand *e = LAB_CONTAINER(o, lab_errand, start_order);
  lab_list_remove(&e->link);
  e->freed(e);
}

void lab_vm_free_errands(lab_vm *vm) {
  while (!lab_list_empty(&vm->errands))
    run_free(&LAB_CONTAINER(vm->errands.next, lab_errand, link)->start_order);
}

static void run_stop(lab_order *o) {
  lab_errand *e = LAB_CONTAINER(o, lab_errand, stop_order);
  e->stop(e);
  lab_sched_post(e->vm->sched, &e->goodbye);
}

void lab_errand_tell(lab_errand *e, int news) {
  lab_sched_post(e->vm->sched, &e->news[news]);
}

int lab_errand_opened(const lab_errand *e, int fd) {
  return lab_fd_enter(fd, e->stack, e->label);
}

void lab_errand_closing(const lab_errand *e, int fd) {
  (void)e;
  lab_fd_leave(fd);
}

/* ---- the VM -------------------------------------------------------------- */

static void deliver_first(lab_post *post) {
  lab_errand *e = LAB_CONTAINER(post, lab_errand, news[0]);
  if (!e->stopped)
    e->told(e, 0);
}

static void deliver_second(lab_post *post) {
  lab_errand *e = LAB_CONTAINER(post, lab_errand, news[1]);
  if (!e->stopped)
    e->told(e, 1);
}

static void deliver_goodbye(lab_post *post) {
  lab_errand *e = LAB_CONTAINER(post, lab_errand, goodbye);
  lab_vm_order(e->vm, &e->start_order, run_free);
}

const lab_vm_services *lab_lua_check_services(lua_State *L) {
  lab_vm *vm = lab_vm_of(L);
  if (!vm->services || lab_gc_running() || !vm->running)
    luaL_error(L, vm->services ? "a finalizer can't do this"
                               : "there are no services here");
  return vm->services;
}

void lab_errand_begin(lua_State *L, lab_errand *e) {
  lab_vm *vm = e->vm = lab_vm_of(L);
  e->stack = lab_walk(L, 0);
  e->label = vm->running ? vm->running->base.label : 0;
  e->news[0].deliver = deliver_first;
  e->news[1].deliver = deliver_second;
  e->goodbye.deliver = deliver_goodbye;
  lab_vm_order(vm, &e->start_order, run_start);
}

void lab_errand_end(lab_errand *e) {
  lab_fd_end_errand(e);
  e->stopped = true;
  lab_vm_order(e->vm, &e->stop_order, run_stop);
}
