/* SPDX-License-Identifier: MIT
 * See allocation_stack.h. */
#include "vm/allocation_stack.h"

#include <string.h>

#include "mem/mem.h"
#include "prof/heap.h"
#include "stack/stack.h"
#include "stack/unwind.h"
#include "vm/vm.h"
#include "vm/walk.h"

/* Application bytes; with less of them nothing is in heap profiles. */
static size_t profile_floor;
static bool own_work;

void lab_allocation_begin_loading(void) {
  enum { A_SCENARIO = 16 << 10 };
  profile_floor = lab_mem_app_bytes() + A_SCENARIO;
}

void lab_allocation_end_loading(void) {
  profile_floor = 0;
}

void lab_allocation_begin_own(void) {
  own_work = true;
}

void lab_allocation_end_own(void) {
  own_work = false;
}

/* Our primitives at the leaf, e.g. lab_buffer_grow <- lab_buffer_write. When
 * Lua itself wanted the memory there are none: it is charged to the Lua
 * function, as Go charges an allocation to the line that made it. */
static size_t count_primitives(const lab_frame *native, size_t n) {
  size_t own = 0;
  for (; own < n; own++) {
    lab_code code = lab_code_class((uintptr_t)native[own] - (own > 0));
    if (code != LAB_CODE_OWN && code != LAB_CODE_LOADED)
      break;
  }
  return own;
}

/* What grows here is the machine's, and stays when what made it grow is gone:
 * a coroutine's own stack (room for frames, or the list of calls, which may be
 * half changed now; goroutines' stacks are not in Go's heap profiles either),
 * and the table of all short strings. Not even as a row of its own: a coroutine
 * serves one task after the other with the stack that it has, so an idle step's
 * profile wouldn't be empty. docs/handbook/empty-profiles.md tells students. */
static const char *const stack_growth[] = {"luaE_extendCI", "luaD_reallocstack",
                                           NULL};
static const char *const machine_growth[] = {
    "luaE_extendCI", "luaD_reallocstack", "luaS_resize", NULL};

/* Whether one of the innermost NATIVE frames is a function of NAMES, which ends
 * with NULL. */
static bool has_inner_frame(const lab_frame *native, size_t n,
                            const char *const *names) {
  for (size_t i = 0; i < n && i < 4; i++) {
    const char *found = lab_code_name((uintptr_t)native[i] - (i > 0), NULL);
    for (size_t k = 0; found && names[k]; k++)
      if (strcmp(found, names[k]) == 0)
        return true;
  }
  return false;
}

/* Whether it is a function of NAMES that asks for memory. */
static bool is_asked_by(const char *const *names) {
  lab_frame unwound[LAB_UNWIND_MAX];
  size_t n = lab_unwind_here(unwound, LAB_UNWIND_MAX, 0, true);
  const lab_frame *native = lab_heap_drop_allocator(unwound, &n);
  return has_inner_frame(native, n, names);
}

bool lab_walk_is_unsafe(void) {
  return is_asked_by(stack_growth);
}

bool lab_walk_is_in_buffer(void) {
  static const char *const buffer_growth[] = {"resizebox", NULL};
  return lab_resumed_top && is_asked_by(buffer_growth);
}

/* The registered C function among NATIVE, innermost first, or 0. */
static uint32_t find_c_function(const lab_frame *native, size_t n) {
  for (size_t i = 0; i < n; i++) {
    uint32_t id = lab_code_function((uintptr_t)native[i] - (i > 0));
    if (id)
      return id;
  }
  return 0;
}

/* A switch calls the scenario's `enter`, and a scenario.lua: the switch's own
 * functions, outermost, and what C function of Lua's they used aren't the
 * scenario's. Returns how many of the N frames remain. */
static size_t drop_own_levels(const lab_lua_task *t, const lab_frame *frames,
                              size_t n) {
  if (t->own_levels == 0 || n <= t->own_levels)
    return n;
  n -= t->own_levels;
  while (n > 1 &&
         lab_func_get(lab_frame_func(frames[n - 1]))->kind != LAB_FUNC_LUA)
    n--;
  return n;
}

void lab_walk_allocation(lab_mem_sample *sample) {
  lab_resumed *top = lab_resumed_top;
  lab_vm *vm = top ? lab_vm_of(top->L) : NULL;
  if (!vm || !vm->running || vm->running->own || own_work)
    return;
  if (lab_mem_app_bytes() < profile_floor)
    return;
  lab_frame frames[LAB_WALK_DEPTH], unwound[LAB_UNWIND_MAX];
  size_t nnative = lab_unwind_here(unwound, LAB_UNWIND_MAX, 0, true);
  const lab_frame *native = lab_heap_drop_allocator(unwound, &nnative);
  if (has_inner_frame(native, nnative, machine_growth))
    return;
  size_t n = lab_walk_chain(top, 0, false, frames);
  if (n == 0)
    return;
  lua_Debug ar;
  if (lua_getstack(top->L, 0, &ar) && lua_getinfo(top->L, "S", &ar) &&
      ar.what[0] == 'C') {
    uint32_t id = find_c_function(native, nnative);
    if (id)
      frames[0] = lab_frame_script(id, 0);
  }
  sample->label = vm->running->base.label;
  sample->owner = vm->running->base.generation;
  sample->stack = lab_stack_merge(
      native, count_primitives(native, nnative),
      lab_stack_intern(frames, drop_own_levels(vm->running, frames, n)));
}
