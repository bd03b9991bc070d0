/* SPDX-License-Identifier: MIT
 * See flight.h. */
#include "inspect/flight.h"

#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "inspect/flight_feed.h"
#include "inspect/trace_stacks.h"
#include "mem/mem.h"
#include "stack/stack.h"
#include "trace/flight_chunk.h"
#include "vm/trace_why.h"
#include "vm/vm.h"

/* Where the next things of an input go. */
typedef struct teller {
  const lab_vm *vm;
  lab_replay_scope *scope;
  char *name;
} teller;

static bool is_shown_scope(const lab_scope *s) {
  return s->kind == LAB_SCOPE_REGION || s->kind == LAB_SCOPE_TASK;
}

/* How many scopes T has that a trace shows. Adds the bytes of names to *BYTES.
 */
static size_t count_scopes(const lab_vm *vm, const lab_lua_task *t,
                           size_t *bytes) {
  size_t n = 0;
  for (const lab_scope *s = NULL; (s = lab_scope_next(vm, t, s));)
    if (is_shown_scope(s)) {
      *bytes += lab_flight_text_length(s->text) + 1;
      n++;
    }
  *bytes += t->kind->serves ? LAB_TASK_NAME : 0;
  return n;
}

/* Tells of the scopes of T, and leaves in OUT the user task outside of them. */
static void tell_of_scopes(teller *to, const lab_lua_task *t,
                           lab_replay_task *out) {
  out->scopes = to->scope;
  for (const lab_scope *s = NULL; (s = lab_scope_next(to->vm, t, s));) {
    if (!is_shown_scope(s))
      continue;
    size_t len = lab_flight_text_length(s->text);
    memcpy(to->name, s->text, len);
    to->name[len] = '\0';
    *to->scope++ = (lab_replay_scope){to->name, out->facts.task,
                                      s->kind == LAB_SCOPE_REGION};
    to->name += len + 1;
    out->nscopes++;
    if (s->kind == LAB_SCOPE_TASK)
      out->facts.task = s->number;
  }
}

static lab_replay_task tell_of_task(teller *to, lab_lua_task *t) {
  lab_replay_task out = {.facts = lab_flight_facts_of(t),
                         .stack = lab_trace_find_stack(t),
                         .waits = t->base.state == LAB_TASK_WAITING &&
                                  t->base.wait != LAB_WAIT_NONE};
  if (out.waits)
    out.why = (uint8_t)lab_trace_map_wait((lab_wait)t->base.wait);
  tell_of_scopes(to, t, &out);
  if (t->kind->serves) {
    t->kind->name(t, to->name, LAB_TASK_NAME);
    out.name = to->name;
    to->name += LAB_TASK_NAME;
  }
  return out;
}

static bool tell_of_tasks(const lab_vm *vm, lab_replay_input *in) {
  const lab_list *all = lab_sched_tasks(vm->sched);
  size_t scopes = 0, bytes = 0;
  for (const lab_list *l = all->next; l != all; l = l->next)
    scopes += count_scopes(vm, lab_lua_task_at(l), &bytes);
  in->tasks = lab_try_malloc(lab_sched_count(vm->sched) * sizeof *in->tasks);
  in->scopes = lab_try_malloc(scopes * sizeof *in->scopes);
  in->names = lab_try_malloc(bytes);
  if (!in->tasks || !in->scopes || !in->names)
    return false;
  teller to = {vm, in->scopes, in->names};
  for (const lab_list *l = all->next; l != all; l = l->next)
    in->tasks[in->ntasks++] = tell_of_task(&to, lab_lua_task_at(l));
  return true;
}

/* NULL, or why there is no trace. What is due by now is to be in the ring. */
static const char *fill_flight_question(lab_vm *vm, lab_flight_question *q) {
  if (atomic_load(&vm->stopping))
    return "the lab is stopping";
  lab_task_wake_due(vm->sched);
  bool filled =
      lab_flight_cut_take(&q->input.cut) && tell_of_tasks(vm, &q->input);
  return filled ? NULL : "not enough memory for a trace of the past";
}

static void deliver_flight_question(lab_post *post) {
  lab_flight_question *q =
      LAB_CONTAINER(lab_call_of(post), lab_flight_question, call);
  lab_vm *vm = q->call.vm;
  q->why = fill_flight_question(vm, q);
  q->taken = !q->why;
  if (q->taken) {
    q->input.heap = lab_mem_heap_bytes();
    q->input.next_gc = lab_trace_next_gc();
    q->input.region = lab_trace_pseudo.network;
  }
  lab_call_answer(&q->call);
}

void lab_flight_ask(lab_vm *vm, lab_flight_question *q) {
  lab_call_send(vm, &q->call, deliver_flight_question);
}

void lab_flight_question_free(lab_flight_question *q) {
  lab_flight_cut_free(&q->input.cut);
  lab_xfree(q->input.tasks);
  lab_xfree(q->input.scopes);
  lab_xfree(q->input.names);
  q->input = (lab_replay_input){0};
}

/* ---- what is too old ----------------------------------------------------- */

static void trim_flight(lab_post *post) {
  lab_flight_trimmer *t = LAB_CONTAINER(post, lab_flight_trimmer, letter);
  lab_flight_drop_stale(lab_clock_mono());
  atomic_store(&t->under_way, false);
}

void lab_flight_tick(lab_flight_trimmer *t, lab_vm *vm) {
  if (!lab_flight_is_stale(lab_clock_mono()) || atomic_load(&vm->stopping) ||
      atomic_exchange(&t->under_way, true))
    return;
  t->letter.deliver = trim_flight;
  lab_sched_post(vm->sched, &t->letter);
}
