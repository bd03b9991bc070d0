/* SPDX-License-Identifier: MIT
 * See inbox.h. */
#include "vm/inbox.h"

#include "base/clock.h"
#include "vm/vm.h"

/* An answer waits for further ones, to share one wake-up with them. One whose
 * call took longer than this doesn't wait: the next may take as long. */
static const uint64_t BATCH_NS = 50000;
enum { BATCH = 32 };

/* Of the control thread's time, in one round of its loop. */
static const uint64_t PATIENCE_NS = 2 * LAB_MILLISECOND;

void lab_call_init(lab_vm *vm, void (*wake)(void *), void *arg) {
  vm->outbox.wake = wake;
  vm->outbox.wake_arg = arg;
}

void lab_call_prepare(lab_vm *vm, lab_call *c, void (*deliver)(lab_post *)) {
  c->vm = vm;
  c->started = 0;
  c->post.deliver = deliver;
}

void lab_call_send(lab_vm *vm, lab_call *c, void (*deliver)(lab_post *)) {
  lab_call_prepare(vm, c, deliver);
  lab_sched_post(vm->sched, &c->post);
}

void lab_call_send_ahead(lab_vm *vm, lab_call *c, void (*deliver)(lab_post *)) {
  lab_call_prepare(vm, c, deliver);
  lab_sched_post_ahead(vm->sched, &c->post);
}

void lab_call_wake(lab_vm *vm) {
  vm->outbox.wake(vm->outbox.wake_arg);
}

void lab_call_flush(void *arg) {
  lab_outbox *out = &((lab_vm *)arg)->outbox;
  if (out->unsent) {
    out->unsent = 0;
    lab_call_wake(arg);
  }
}

void lab_call_answer(lab_call *c) {
  lab_call_answer_at(c, lab_clock_mono());
}

void lab_call_answer_at(lab_call *c, uint64_t now) {
  lab_vm *vm = c->vm;
  lab_outbox *out = &vm->outbox;
  uint64_t took = now - c->started;
  lab_mpsc_push(&out->answers, &c->post.node); /* C may be freed from here on */
  if (++out->unsent >= BATCH || took > BATCH_NS)
    lab_call_flush(vm);
}

/* Whether there was one: it is answered. */
static bool collect_next_call(lab_outbox *out) {
  if (!out->taken)
    out->taken = lab_mpsc_take_all(&out->answers);
  if (!out->taken)
    return false;
  lab_call *c = lab_call_of(LAB_CONTAINER(out->taken, lab_post, node));
  out->taken = out->taken->next;
  c->answered(c);
  return true;
}

/* A step that is left may answer ten thousand requests at once: clients are
 * served in between. At the end nothing is left. */
void lab_call_collect(lab_vm *vm) {
  uint64_t stop = lab_clock_mono() + PATIENCE_NS;
  while (collect_next_call(&vm->outbox))
    if (!atomic_load(&vm->stopping) && lab_clock_mono() >= stop) {
      lab_call_wake(vm);
      return;
    }
}

/* ---- work in slices ------------------------------------------------------ */

static void deliver_slice(lab_post *post) {
  lab_slices *s = LAB_CONTAINER(lab_call_of(post), lab_slices, call);
  lab_vm *vm = s->call.vm;
  bool more = s->slice(s, vm->sched);
  while (more && atomic_load(&vm->stopping)) /* it isn't delivered again */
    more = s->slice(s, vm->sched);
  if (more)
    lab_sched_post(vm->sched, post);
  else
    lab_call_answer(&s->call);
}

void lab_slices_send(lab_vm *vm, lab_slices *s) {
  lab_call_send(vm, &s->call, deliver_slice);
}
