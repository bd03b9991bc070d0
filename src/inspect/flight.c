/* SPDX-License-Identifier: MIT
 * See flight.h. */
#include "inspect/flight.h"

#include <string.h>

#include "base/alloc.h"
#include "inspect/flight_feed.h"
#include "inspect/trace_stacks.h"
#include "mem/mem.h"
#include "stack/stack.h"
#include "vm/trace_why.h"
#include "vm/vm.h"

static lab_replay_task tell_of_task(lab_lua_task *t, char **name) {
  lab_replay_task out = {.facts = lab_flight_facts_of(t),
                         .stack = lab_trace_find_stack(t),
                         .waits = t->base.state == LAB_TASK_WAITING &&
                                  t->base.wait != LAB_WAIT_NONE};
  if (out.waits)
    out.why = (uint8_t)lab_trace_map_wait((lab_wait)t->base.wait);
  if (t->kind->serves) {
    t->kind->name(t, *name, LAB_TASK_NAME);
    out.name = *name;
    *name += LAB_TASK_NAME;
  }
  return out;
}

static size_t count_serving(const lab_list *all) {
  size_t n = 0;
  for (lab_list *l = all->next; l != all; l = l->next)
    n += lab_lua_task_at(l)->kind->serves;
  return n;
}

static bool tell_of_tasks(lab_vm *vm, lab_replay_input *in) {
  const lab_list *all = lab_sched_tasks(vm->sched);
  in->tasks = lab_try_malloc(lab_sched_count(vm->sched) * sizeof *in->tasks);
  in->names = lab_try_malloc(count_serving(all) * LAB_TASK_NAME);
  if (!in->tasks || !in->names)
    return false;
  char *name = in->names;
  for (lab_list *l = all->next; l != all; l = l->next)
    in->tasks[in->ntasks++] = tell_of_task(lab_lua_task_at(l), &name);
  return true;
}

static void deliver_flight_question(lab_post *post) {
  lab_flight_question *q =
      LAB_CONTAINER(lab_call_of(post), lab_flight_question, call);
  lab_vm *vm = q->call.vm;
  if (atomic_load(&vm->stopping))
    q->why = "the lab is stopping";
  else if (!lab_flight_cut_take(&q->input.cut) || !tell_of_tasks(vm, &q->input))
    q->why = "not enough memory for a trace of the past";
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
  lab_xfree(q->input.names);
  q->input = (lab_replay_input){0};
}
