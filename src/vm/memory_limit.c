/* SPDX-License-Identifier: MIT
 * See memory_limit.h.
 *
 * Lua's own error is a string made beforehand, "not enough memory". It names no
 * place, and xpcall doesn't call its handler for it. So the allocator notes the
 * place when memory is refused. Where the error arrives afterwards, at the end
 * of a task or of `enter`, the text is made of both. */
#include "vm/memory_limit.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/cgroup.h"
#include "base/process.h"
#include "mem/mem.h"
#include "vm/allocation_stack.h"
#include "vm/vm.h"
#include "vm/walk.h"

/* ---- the limit ----------------------------------------------------------- */

/* A scenario that says nothing. Lua can't be interrupted while it moves a table
 * to a larger place, or copies a string. In that much memory this takes less
 * than the second within which a step can be left. */
static const size_t DEFAULT_LIMIT = (size_t)2 << 30;

static size_t choose_smaller(size_t a, size_t b) {
  return a < b ? a : b;
}

enum { LEAST_SPACE = 16 << 20 };

/* What the process may map besides what it has mapped now (ulimit -v). */
static size_t read_free_space(void) {
  lab_process p;
  lab_process_read(&p);
  if (p.max_virtual_bytes == UINT64_MAX)
    return SIZE_MAX;
  bool is_more = p.max_virtual_bytes > p.virtual_bytes + LEAST_SPACE;
  return is_more ? (size_t)(p.max_virtual_bytes - p.virtual_bytes)
                 : LEAST_SPACE;
}

/* What no scenario may exceed: half of what there is for the process. */
static size_t read_machine_limit(void) {
  static size_t known; /* the first call opens files */
  if (known == 0) {
    size_t pages = (size_t)sysconf(_SC_PHYS_PAGES);
    known = choose_smaller(
        pages * (size_t)sysconf(_SC_PAGESIZE),
        lab_cgroup_memory("/proc/self/cgroup", "/sys/fs/cgroup"));
    known = choose_smaller(known, read_free_space()) / 2;
  }
  return known;
}

static size_t choose_limit(const lab_memory *m) {
  if (m->lifted > 0)
    return 0;
  if (m->asker == LAB_MEMORY_OWN)
    return 0;
  if (m->suspended && m->asker == LAB_MEMORY_SWITCH)
    return m->of_switch;
  size_t limit = m->limit;
  if (m->asker == LAB_MEMORY_LEFT && m->left > 0)
    limit = choose_smaller(limit, m->earlier);
  limit = choose_smaller(limit + m->left, m->most);
  return limit + (m->suspended ? LAB_MEMORY_LEAVE_ROOM : 0);
}

static void apply_limit(lab_memory *m) {
  m->watched = m->suspended || m->left > 0 || m->own_tasks > 0;
  lab_mem_set_limit(choose_limit(m));
}

void lab_memory_set_limit(lab_vm *vm, size_t bytes, size_t left) {
  lab_memory *m = &vm->memory;
  m->most = read_machine_limit();
  m->earlier = m->left > 0 ? choose_smaller(m->earlier, m->limit) : m->limit;
  m->own_limit = bytes > 0;
  m->limit = choose_smaller(bytes > 0 ? bytes : DEFAULT_LIMIT, m->most);
  m->suspended = false;
  atomic_store(&m->shown, m->limit);
  lab_memory_set_left(vm, left);
}

void lab_memory_set_left(lab_vm *vm, size_t left) {
  vm->memory.left = left;
  apply_limit(&vm->memory);
}

void lab_memory_lift(lab_vm *vm) {
  vm->memory.lifted++;
  apply_limit(&vm->memory);
}

void lab_memory_impose(lab_vm *vm) {
  vm->memory.lifted--;
  apply_limit(&vm->memory);
}

void lab_memory_suspend(lab_vm *vm) {
  lab_memory *m = &vm->memory;
  m->suspended = true;
  m->asker = LAB_MEMORY_SWITCH;
  m->of_switch = lab_mem_app_bytes() + LAB_MEMORY_SWITCH_ROOM;
  apply_limit(m);
}

void lab_memory_resume(lab_vm *vm) {
  vm->memory.suspended = false;
  apply_limit(&vm->memory);
}

void lab_memory_begin_task(lab_vm *vm, lab_memory_asker asker) {
  vm->memory.asker = asker;
  apply_limit(&vm->memory);
}

void lab_memory_end_task(lab_vm *vm) {
  lab_memory_begin_task(vm, LAB_MEMORY_STEP);
}

void lab_memory_count_own(lab_vm *vm, bool more) {
  if (more)
    vm->memory.own_tasks++;
  else
    vm->memory.own_tasks--;
  apply_limit(&vm->memory);
}

size_t lab_memory_limit(const lab_vm *vm) {
  return vm->memory.limit;
}

size_t lab_memory_read_limit(lab_vm *vm) {
  return atomic_load(&vm->memory.shown);
}

/* ---- a refusal ----------------------------------------------------------- */

/* "file:line: " of the innermost Lua function of L, or "". It only reads the
 * stack: see walk.c. */
static void find_lua_place(lua_State *L, char *out, size_t size) {
  lua_Debug ar;
  out[0] = '\0';
  for (int level = 0; out[0] == '\0' && lua_getstack(L, level, &ar); level++) {
    lua_getinfo(L, "Sl", &ar);
    if (ar.currentline > 0)
      snprintf(out, size, "%s:%d: ", ar.short_src, ar.currentline);
  }
}

void lab_memory_note_refusal(void) {
  const lab_resumed *top = lab_resumed_top;
  lab_vm *vm = top ? lab_vm_of(top->L) : NULL;
  if (!vm)
    return;
  vm->memory.refused_at[0] = '\0';
  vm->memory.refused_switch =
      vm->memory.suspended && vm->memory.asker == LAB_MEMORY_SWITCH;
  if (!lab_walk_is_unsafe())
    find_lua_place(top->L, vm->memory.refused_at, sizeof vm->memory.refused_at);
}

/* BYTES in the largest unit in which they are a whole number of four digits or
 * less; else with one decimal. */
static void write_size(size_t bytes, char *out, size_t size) {
  static const struct {
    size_t unit;
    const char *name;
  } units[] = {
      {1u << 30, "GiB"}, {1000000000, "GB"}, {1u << 20, "MiB"},
      {1000000, "MB"},   {1u << 10, "KiB"},  {1000, "KB"},
  };
  for (size_t i = 0; i < sizeof units / sizeof *units; i++)
    if (bytes > 0 && bytes % units[i].unit == 0 &&
        bytes / units[i].unit < 10000) {
      snprintf(out, size, "%zu %s", bytes / units[i].unit, units[i].name);
      return;
    }
  bool large = bytes >= 1u << 30;
  snprintf(out, size, "%.1f %s", (double)bytes / (large ? 1 << 30 : 1 << 20),
           large ? "GiB" : "MiB");
}

void lab_memory_limit_text(const lab_vm *vm, char *out, size_t size) {
  char bytes[32];
  write_size(vm->memory.limit, bytes, sizeof bytes);
  const lab_memory *m = &vm->memory;
  const char *reason =
      m->own_limit ? " (limits.memory)" : ", as limits.memory isn't set";
  if (m->limit == m->most)
    reason = ", half of the machine's";
  snprintf(out, size, "the step has %s%s", bytes, reason);
}

void lab_memory_error_text(lab_vm *vm, lua_State *failed, char *out,
                           size_t size) {
  lab_memory *m = &vm->memory;
  char limit[LAB_MEMORY_LIMIT_TEXT];
  if (m->refused_switch)
    snprintf(limit, sizeof limit,
             "scenario.lua may take %d MiB when it is read",
             LAB_MEMORY_SWITCH_ROOM >> 20);
  else
    lab_memory_limit_text(vm, limit, sizeof limit);
  if (failed && m->refused_at[0] == '\0') /* its stack had to grow */
    find_lua_place(failed, m->refused_at, sizeof m->refused_at);
  snprintf(out, size, "%s" LAB_LUA_NO_MEMORY ": %s", m->refused_at, limit);
}
