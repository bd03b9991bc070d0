/* SPDX-License-Identifier: MIT
 * What the control thread has to say to the VM: letters, which are delivered
 * between two tasks, and interruptions for when that takes too long. See
 * script.h.
 *
 * Threads: the control thread's, but for deliver_*: the VM's. */
#include "script/vm.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <time.h>

#include "base/clock.h"

static void address(lab_vm *vm, lab_exchange *x, void (*deliver)(lab_post *)) {
  x->vm = vm;
  x->started = 0;
  x->post.deliver = deliver;
}

static void post(lab_vm *vm, lab_exchange *x, void (*deliver)(lab_post *)) {
  address(vm, x, deliver);
  lab_sched_post(vm->sched, &x->post);
}

void lab_vm_request(lab_vm *vm, lab_exchange *x) {
  address(vm, x, lab_request_deliver);
  x->step = lab_vm_step(vm);
  atomic_fetch_add_explicit(&vm->posted, 1, memory_order_relaxed);
  lab_sched_post_quietly(vm->sched, &x->post);
}

void lab_vm_kick(lab_vm *vm) {
  lab_sched_wake(vm->sched);
}

static void deliver_goto(lab_post *p) {
  lab_exchange *x = LAB_CONTAINER(p, lab_exchange, post);
  lab_steps_goto(x->vm, x);
}

void lab_vm_goto(lab_vm *vm, lab_exchange *x, int step) {
  x->step = step;
  atomic_store(&x->phase, LAB_EXCHANGE_QUEUED);
  post(vm, x, deliver_goto);
}

static int full_collection(lua_State *L) {
  lab_gc_full(L);
  return 0;
}

static void deliver_collect(lab_post *p) {
  lab_exchange *x = LAB_CONTAINER(p, lab_exchange, post);
  if (x->vm->leaks && !atomic_load(&x->vm->stopping)) {
    lab_sched_post(x->vm->sched, p); /* when those are found */
    return;
  }
  lua_pushcfunction(x->vm->L, full_collection);
  if (lua_pcall(x->vm->L, 0, 0, 0) != LUA_OK)
    lua_pop(x->vm->L, 1);
  lab_vm_answer(x->vm, x);
}

void lab_vm_collect_garbage(lab_vm *vm, lab_exchange *x) {
  post(vm, x, deliver_collect);
}

static void deliver_call(lab_post *p) {
  lab_exchange *x = LAB_CONTAINER(p, lab_exchange, post);
  lab_vm *vm = x->vm;
  bool more = x->part(x, vm->sched);
  while (more && atomic_load(&vm->stopping)) /* nobody would deliver it again */
    more = x->part(x, vm->sched);
  if (more)
    lab_sched_post(vm->sched, p);
  else
    lab_vm_answer(vm, x);
}

void lab_vm_call(lab_vm *vm, lab_exchange *x,
                 bool (*part)(lab_exchange *x, lab_sched *s)) {
  x->part = part;
  post(vm, x, deliver_call);
}

static void deliver_hurry(lab_post *p) {
  lab_vm *vm = LAB_CONTAINER(p, lab_vm, hurry);
  /* In this order: an interruption that comes in between posts anew, or comes
   * while no task runs. */
  atomic_store(&vm->hurry_sent, false);
  atomic_store(&vm->interrupt[false], false);
  atomic_store(&vm->interrupt[true], false);
  lab_steps_hurry(vm);
}

/* CPU time of the VM's thread. */
static uint64_t thread_cpu(const lab_vm *vm) {
  clockid_t clock;
  if (pthread_getcpuclockid(vm->thread->handle, &clock))
    return 0;
  return lab_clock_read(clock);
}

/* What keeps the VM from taking notice of the last interruption: code that it
 * is in, or other programs, if its thread has hardly run since. */
static void obstacle(const lab_vm *vm, const char *who, char *out,
                     size_t size) {
  char where[128];
  if (thread_cpu(vm) - vm->cpu_when_interrupted < LAB_MILLISECOND) {
    snprintf(out, size, "the machine is too busy to run %s", who);
    return;
  }
  lab_sampler_where(where, sizeof where);
  snprintf(out, size, "%s is in %s, which can't be interrupted", who, where);
}

void lab_vm_interrupt_step(lab_vm *vm) {
  vm->cpu_when_interrupted = thread_cpu(vm);
  atomic_store(&vm->interrupt[false], true);
  pthread_kill(vm->thread->handle, SIGURG);
  if (!atomic_exchange(&vm->hurry_sent, true)) {
    vm->hurry.deliver = deliver_hurry;
    lab_sched_post(vm->sched, &vm->hurry);
  }
}

void lab_vm_interrupt(lab_vm *vm) {
  atomic_store(&vm->interrupt[true], true);
  lab_vm_interrupt_step(vm);
}

void lab_vm_ask_where(lab_vm *vm) {
  lab_sampler_ask_where();
  pthread_kill(vm->thread->handle, SIGURG);
}

void lab_vm_where(lab_vm *vm, char *out, size_t size) {
  (void)vm;
  lab_sampler_where(out, size);
}

bool lab_vm_stuck(lab_vm *vm, const lab_exchange *x, lab_err *why) {
  /* Letters are delivered whenever a task makes way. */
  if (!atomic_load(&vm->hurry_sent) || atomic_load(&vm->in_switch))
    return false;
  char what[256];
  obstacle(vm, "a task", what, sizeof what);
  lab_err_set(why, -EBUSY, "%s; step %d follows when that ends", what, x->step);
  return true;
}

bool lab_vm_is_entering(const lab_exchange *x) {
  return atomic_load(&x->phase) == LAB_EXCHANGE_ENTERING;
}

bool lab_vm_withdraw(lab_vm *vm, lab_exchange *x, lab_err *why) {
  int queued = LAB_EXCHANGE_QUEUED;
  if (!atomic_compare_exchange_strong(&x->phase, &queued,
                                      LAB_EXCHANGE_WITHDRAWN))
    return false;
  char step[32], what[256];
  snprintf(step, sizeof step, "step %d", lab_vm_step(vm));
  obstacle(vm, step, what, sizeof what);
  lab_err_set(why, -EBUSY, "%s; still in %s, try again", what, step);
  return true;
}
