/* SPDX-License-Identifier: MIT
 * See over.h. */
#include "vm/over.h"

#include "base/alloc.h"
#include "vm/vm.h"

struct lab_over_visit {
  uint32_t generation;
  size_t cancelled;
};

static struct lab_over_visit *find_visit(const lab_over *o,
                                         uint32_t generation) {
  for (unsigned i = 0; i < o->count; i++)
    if (o->visits[i].generation == generation)
      return &o->visits[i];
  return NULL;
}

void lab_over_add(lab_vm *vm, uint32_t generation) {
  lab_over *o = &vm->over;
  if (find_visit(o, generation))
    return;
  o->visits = lab_xrealloc(o->visits, (o->count + 1) * sizeof *o->visits);
  o->visits[o->count++] = (struct lab_over_visit){generation, 0};
}

size_t lab_over_remove(lab_vm *vm, uint32_t generation) {
  lab_over *o = &vm->over;
  struct lab_over_visit *v = find_visit(o, generation);
  if (!v)
    return 0;
  size_t cancelled = v->cancelled;
  *v = o->visits[--o->count];
  return cancelled;
}

size_t lab_over_tasks(const lab_vm *vm) {
  return vm->over.tasks;
}

void lab_over_free(lab_vm *vm) {
  lab_xfree(vm->over.visits);
  vm->over = (lab_over){0};
}

bool lab_over_defers(lab_vm *vm, lab_lua_task *t) {
  if (vm->over.count == 0 || t->base.late || t->kind->serves || t->own ||
      t->switches || t == vm->finalizers.task)
    return false;
  struct lab_over_visit *v = find_visit(&vm->over, t->base.generation);
  if (!v)
    return false;
  v->cancelled += !t->base.cancelled;
  t->base.cancelled = true;
  vm->over.tasks++;
  lab_task_defer(vm->sched, &t->base);
  return true;
}

void lab_over_note_end(lab_vm *vm, const lab_lua_task *t) {
  if (t->base.late)
    vm->over.tasks--;
}
