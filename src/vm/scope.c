/* SPDX-License-Identifier: MIT
 * See scope.h. There may be a million tasks, most of them in no scope, so a
 * task has only the number of its innermost one. The scopes are in one array.
 */
#include "vm/scope.h"

#include "base/alloc.h"
#include "vm/vm.h"

enum { ROOM_KEPT = 1024 }; /* scopes whose memory is kept when none is open */

static void grow_scopes(lab_scopes *s) {
  uint32_t room = s->room ? 2 * s->room : 16;
  s->all = lab_xrealloc(s->all, room * sizeof *s->all);
  for (uint32_t i = room; i > s->room; i--) {
    s->all[i - 1].outer = s->free;
    s->free = i;
  }
  s->room = room;
}

uint32_t lab_scope_enter(lab_vm *vm, lab_lua_task *t, const lab_scope *s) {
  lab_scopes *scopes = &vm->scopes;
  if (scopes->free == 0)
    grow_scopes(scopes);
  uint32_t number = scopes->free;
  lab_scope *mine = &scopes->all[number - 1];
  scopes->free = mine->outer;
  scopes->open++;
  *mine = *s;
  mine->outer = t->scope;
  t->scope = number;
  return number;
}

static void leave_innermost(lab_vm *vm, lab_lua_task *t) {
  lab_scopes *scopes = &vm->scopes;
  uint32_t number = t->scope;
  lab_scope left = scopes->all[number - 1];
  t->scope = left.outer;
  scopes->all[number - 1].outer = scopes->free;
  scopes->free = number;
  scopes->open--;
  left.leave(vm, t, &left);
}

static void drop_idle_room(lab_vm *vm) {
  if (vm->scopes.open == 0 && vm->scopes.room > ROOM_KEPT)
    lab_scope_free_all(vm);
}

/* Who is about to watch is to find what is left now. */
void lab_scope_leave(lab_vm *vm, lab_lua_task *t, uint32_t number) {
  uint32_t left = 0;
  lab_sched_look_ahead(vm->sched);
  while (t->scope && left != number) {
    left = t->scope;
    leave_innermost(vm, t);
  }
  drop_idle_room(vm);
}

void lab_scope_leave_all(lab_vm *vm, lab_lua_task *t) {
  if (!t->scope)
    return;
  lab_sched_look_ahead(vm->sched);
  while (t->scope)
    leave_innermost(vm, t);
  drop_idle_room(vm);
}

const lab_scope *lab_scope_next(const lab_vm *vm, const lab_lua_task *t,
                                const lab_scope *s) {
  uint32_t number = s ? s->outer : t->scope;
  return number ? &vm->scopes.all[number - 1] : NULL;
}

void lab_scope_free_all(lab_vm *vm) {
  lab_xfree(vm->scopes.all);
  vm->scopes = (lab_scopes){0};
}
