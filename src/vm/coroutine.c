/* SPDX-License-Identifier: MIT
 * See coroutine.h.
 *
 * A coroutine whose task ended without an error serves another task. (Scripts
 * have no `coroutine` library, so they can't refer to it.) Coroutines of
 * requests are kept ("idle"), with the room that most requests need. Those of
 * lab.go that may be used again ("spare") are garbage, and profiles must not
 * show memory that the scenario doesn't hold. So a full collection that
 * somebody asked for takes all of them, and each other cycle all but a few. */
#include "vm/coroutine.h"

#include "base/alloc.h"
#include "vm/lualayout.h"
#include "vm/vm.h"

enum {
  IDLE_MAX = 256,
  IDLE_STACK = 200, /* values of room in advance */
  FEW_BYTES = 128 << 10,
};

/* ---- keeping coroutines alive -------------------------------------------- */

/* The coroutine on top of L, popped, is kept alive until unanchor_coroutine.
 * Coroutines are in a table of their own, not in the registry, because a table
 * never shrinks, and this one can be replaced. */
static int anchor_coroutine(lab_vm *vm, lua_State *L) {
  lua_rawgeti(L, LUA_REGISTRYINDEX, vm->coroutines.anchors);
  lua_insert(L, -2);
  int ref = luaL_ref(L, -2);
  lua_pop(L, 1);
  return ref;
}

static void unanchor_coroutine(lab_vm *vm, int ref) {
  lua_rawgeti(vm->L, LUA_REGISTRYINDEX, vm->coroutines.anchors);
  luaL_unref(vm->L, -1, ref);
  lua_pop(vm->L, 1);
}

static void move_anchor(lua_State *L, lab_lua_task *t) {
  lua_pushthread(t->co);
  lua_xmove(t->co, L, 1);
  t->ref = luaL_ref(L, -2);
}

/* ---- whose a coroutine is ------------------------------------------------ */

static uintptr_t *get_space(lua_State *co) {
  return (uintptr_t *)lua_getextraspace(co);
}

static void give_to_task(lab_lua_task *t) {
  *get_space(t->co) = (uintptr_t)t | LAB_COROUTINE_HAS_TASK;
}

lab_lua_task *lab_coroutine_task(lua_State *co) {
  uintptr_t space = *get_space(co);
  return space & LAB_COROUTINE_HAS_TASK
             ? (lab_lua_task *)(space & ~(uintptr_t)LAB_COROUTINE_HAS_TASK)
             : NULL;
}

bool lab_coroutine_is_left_by(lua_State *co, uint64_t id) {
  return *get_space(co) == (uintptr_t)(id << 2 | LAB_COROUTINE_HAD_TASK);
}

void lab_coroutine_free_task(lab_lua_task *t) {
  *get_space(t->co) = (uintptr_t)(t->base.id << 2 | LAB_COROUTINE_HAD_TASK);
  lab_xfree(t);
}

/* ---- spare ones ---------------------------------------------------------- */

/* What is freed with the coroutine of a task that ended. */
static size_t count_bytes(const lua_State *co) {
  const lab_layout_state *s = (const lab_layout_state *)co;
  if (!lab_layout_fits())
    return 1024; /* about what it is in Lua 5.4 */
  return sizeof *s + sizeof(lab_lua_task) +
         (size_t)(s->stack_last - s->stack) * sizeof *s->stack +
         s->ncalls * sizeof(lab_layout_call);
}

static void drop_spare_from(lab_vm *vm, lab_lua_task **from) {
  while (*from) {
    lab_lua_task *t = *from;
    *from = t->next_idle;
    vm->coroutines.spare_bytes -= t->spare_bytes;
    unanchor_coroutine(vm, t->ref);
    lab_coroutine_free_task(t);
  }
}

void lab_coroutine_drop_spare(lab_vm *vm, bool all) {
  lab_lua_task **from = &vm->coroutines.spare;
  size_t kept = 0;
  while (!all && *from && kept + (*from)->spare_bytes <= FEW_BYTES) {
    kept += (*from)->spare_bytes;
    from = &(*from)->next_idle;
  }
  drop_spare_from(vm, from);
}

void lab_coroutine_open(lua_State *L) {
  lua_newtable(L);
  lab_vm_of(L)->coroutines.anchors = luaL_ref(L, LUA_REGISTRYINDEX);
}

void lab_coroutine_push_anchors(lua_State *L) {
  lua_rawgeti(L, LUA_REGISTRYINDEX, lab_vm_of(L)->coroutines.anchors);
}

void lab_coroutine_compact(lua_State *L) {
  lab_vm *vm = lab_vm_of(L);
  lab_coroutine_drop_spare(vm, true);
  size_t n = lab_sched_count(vm->sched) + vm->coroutines.nidle;
  lua_createtable(L, (int)n + 8, 0); /* all the room: nothing below raises */
  const lab_list *all = lab_sched_tasks(vm->sched);
  for (lab_list *l = all->next; l != all; l = l->next)
    move_anchor(L, lab_lua_task_at(l));
  for (lab_lua_task *t = vm->coroutines.idle; t; t = t->next_idle)
    move_anchor(L, t);
  lua_rawseti(L, LUA_REGISTRYINDEX, vm->coroutines.anchors);
}

/* ---- making them --------------------------------------------------------- */

/* There must be a spare one. */
static lab_lua_task *take_spare(lab_vm *vm) {
  lab_lua_task *t = vm->coroutines.spare;
  vm->coroutines.spare = t->next_idle;
  vm->coroutines.spare_bytes -= t->spare_bytes;
  *t = (lab_lua_task){.co = t->co, .ref = t->ref};
  return t;
}

static void give_spare(lab_vm *vm, lab_lua_task *t) {
  lua_settop(t->co, 0);
  t->next_idle = vm->coroutines.spare;
  vm->coroutines.spare = t;
  t->spare_bytes = count_bytes(t->co);
  vm->coroutines.spare_bytes += t->spare_bytes;
}

/* When memory is out Lua collects garbage in the middle of an allocation, and
 * spare coroutines can't be dropped there. So they may take a sixteenth of the
 * step's memory. */
static bool may_be_spare(const lab_vm *vm, const lab_lua_task *t) {
  return !t->kind->serves && !t->own &&
         vm->coroutines.spare_bytes + count_bytes(t->co) <=
             lab_memory_limit(vm) / 16;
}

/* Makes room for N values on CO. An error is raised in FROM, because nothing
 * would catch it in CO. */
static void reserve_stack(lua_State *from, lua_State *co, int n) {
  if (!lua_checkstack(co, n))
    luaL_error(from, LAB_LUA_NO_MEMORY);
}

static lab_lua_task *new_task(lab_vm *vm, lua_State *from, lua_State *co) {
  int ref = anchor_coroutine(vm, from);
  lab_lua_task *t = lab_xcalloc(1, sizeof *t);
  t->co = co;
  t->ref = ref;
  give_to_task(t);
  return t;
}

lab_lua_task *lab_coroutine_with_function(lua_State *from, int nargs) {
  lab_vm *vm = lab_vm_of(from);
  if (vm->coroutines.spare &&
      nargs + 2 <= LUA_MINSTACK) { /* that much room it has */
    lab_lua_task *t = take_spare(vm);
    lua_xmove(from, t->co, nargs + 1);
    return t;
  }
  luaL_checkstack(from, 3, NULL);
  lua_State *co = lua_newthread(from);
  lua_insert(from, -(nargs + 2));     /* below the function */
  reserve_stack(from, co, nargs + 2); /* and one value for profiles */
  lua_xmove(from, co, nargs + 1);
  return new_task(vm, from, co);
}

static lab_lua_task *new_idle(lab_vm *vm, lua_State *L) {
  lua_State *co = lua_newthread(L);
  reserve_stack(L, co, IDLE_STACK);
  return new_task(vm, L, co);
}

lab_lua_task *lab_coroutine_take_idle(lua_State *L) {
  lab_vm *vm = lab_vm_of(L);
  lab_lua_task *t = vm->coroutines.idle;
  if (!t)
    return new_idle(vm, L);
  vm->coroutines.idle = t->next_idle;
  vm->coroutines.nidle--;
  *t = (lab_lua_task){.co = t->co, .ref = t->ref};
  return t;
}

/* ---- their end ----------------------------------------------------------- */

static void give_idle(lab_vm *vm, lab_lua_task *t) {
  lua_settop(t->co, 0);
  t->next_idle = vm->coroutines.idle;
  vm->coroutines.idle = t;
  vm->coroutines.nidle++;
}

void lab_coroutine_recycle(lab_vm *vm, lab_lua_task *t, int status,
                           int nresults) {
  if (status == LUA_OK && t->kind->serves && vm->coroutines.nidle < IDLE_MAX) {
    give_idle(vm, t);
    return;
  }
  if (status == LUA_OK && nresults == 0 && may_be_spare(vm, t)) {
    give_spare(vm, t);
    return;
  }
  unanchor_coroutine(vm, t->ref);
  lab_coroutine_free_task(t);
}

static void free_tasks(lab_vm *vm, lab_lua_task **first) {
  while (*first) {
    lab_lua_task *t = *first;
    *first = t->next_idle;
    lab_coroutine_free_task(t);
  }
}

void lab_coroutine_free_all(lab_vm *vm) {
  free_tasks(vm, &vm->coroutines.idle);
  free_tasks(vm, &vm->coroutines.spare);
}
