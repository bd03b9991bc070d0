/* SPDX-License-Identifier: MIT
 * Calls from the control thread to the VM, and the way back.
 *
 *   lab_call_send(vm, &c, deliver);      control thread
 *   ... deliver(&c->post) ...            VM's thread, between two tasks
 *   lab_call_answer(c);                  VM's thread, now or later
 *   ... c->answered(c) ...               control thread, in lab_call_collect
 *
 * Everything that is asked of the VM has a call as its base: embed it as `call`
 * in a struct of your own (a request, a switch, a profile of tasks). Calls
 * arrive in the order in which they were sent. Several answers share one
 * wake-up of the control thread.
 *
 * Ownership: a call is the sender's, and must exist until `answered` has been
 * called. Each call that was delivered is answered, also when the lab stops. */
#ifndef LAB_VM_INBOX_H
#define LAB_VM_INBOX_H

#include <stdbool.h>
#include <stdint.h>

#include "base/queue.h"
#include "task/sched.h"

typedef struct lab_vm lab_vm;

typedef struct lab_call {
  lab_post post;
  lab_vm *vm; /* set by lab_call_send */
  void (*answered)(struct lab_call *call);
  void *user;       /* the sender's */
  uint64_t started; /* mono ns, when the VM began with it; 0: not noted */
} lab_call;

/* Answers on their way to the control thread. */
typedef struct lab_outbox {
  lab_mpsc answers;
  lab_mpsc_node *taken; /* by the control thread, and not answered yet */
  unsigned unsent;      /* pushed since the last wake-up */
  void (*wake)(void *);
  void *wake_arg;
} lab_outbox;

/* The call that POST is part of. */
static inline lab_call *lab_call_of(lab_post *post) {
  return LAB_CONTAINER(post, lab_call, post);
}

/* Before the VM's thread runs. WAKE wakes the control thread: called with ARG
 * from any thread, and must not block. */
void lab_call_init(lab_vm *vm, void (*wake)(void *), void *arg);
/* Fills in C's own part; the caller then sends it by lab_sched_post or one of
 * its variants. Control thread. */
void lab_call_prepare(lab_vm *vm, lab_call *c, void (*deliver)(lab_post *));
/* Prepares C and sends it. Control thread. */
void lab_call_send(lab_vm *vm, lab_call *c, void (*deliver)(lab_post *));
/* The same for who watches: see lab_sched_post_ahead. */
void lab_call_send_ahead(lab_vm *vm, lab_call *c, void (*deliver)(lab_post *));
/* Gives C back to the control thread. VM's thread. */
void lab_call_answer(lab_call *c);
/* The same for who has just read the clock: NOW, mono ns. */
void lab_call_answer_at(lab_call *c, uint64_t now);
/* Wakes the control thread if there are answers for which it was not yet woken.
 * It is the scheduler's `idle`. VM's thread. */
void lab_call_flush(void *vm);
/* Wakes the control thread for something else than an answer. Any thread. */
void lab_call_wake(lab_vm *vm);
/* Calls `answered` of calls that were answered, for 2 ms; of the rest the
 * control thread is woken again. All of them when the VM stops. Control thread.
 */
void lab_call_collect(lab_vm *vm);

/* Work that the VM's thread does in slices: `slice` is called between two
 * tasks, again and again while it returns true; then the call is answered.
 * Tasks and other calls have their turn in between, unless the lab is stopping.
 */
typedef struct lab_slices {
  lab_call call;
  bool (*slice)(struct lab_slices *s, lab_sched *sched);
} lab_slices;
void lab_slices_send(lab_vm *vm, lab_slices *s);

#endif
