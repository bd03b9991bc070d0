/* SPDX-License-Identifier: MIT
 * See gc.h.
 *
 * The collector is Lua's, in generational mode, as in the stock interpreter: a
 * cycle is a young collection, or now and then a full one. Its entry points are
 * wrapped at link time (--wrap) and timed: what a cycle takes is its pause (a
 * scenario's code stands still meanwhile). The end of a cycle is seen by a
 * sentinel, a userdata without references: every cycle finalizes it, and its
 * finalizer makes the next one.
 *
 * Memory outside Lua (buffers) is reported by its owners. When as much has been
 * allocated as was live after the last full collection, Lua's own heap
 * included, and at least 4 MiB, there is a full one: GOGC=100. (Young ones
 * would not do: a buffer that survived two of them is old.)
 *
 * Threads: the VM's. */
#include "vm/gc.h"

#include <lauxlib.h>

#include "base/clock.h"
#include "base/probe.h"
#include "mem/mem.h"
#include "mem/memstats.h"
#include "prof/export.h"
#include "stack/frame.h"
#include "trace/trace.h"
#include "vm/stack_cache.h"
#include "vm/vm.h"

enum {
  EXTERNAL_MIN = 4 << 20,
  VAIN_SHARE = 64, /* of the memory: less than that is as good as nothing */
};

static struct {
  lua_State *L;
  bool closing, held;
  unsigned depth;  /* inside a step: a finalizer may cause another */
  unsigned cycles; /* ended so far */
  bool forced;     /* lab.gc and heap?gc=1 */
  uint32_t stack;  /* that traces show for it */
  uint64_t began, began_cpu;
  uint64_t pause, cpu;   /* ns of the cycle under way */
  int64_t external;      /* bytes kept alive outside Lua */
  int64_t external_debt; /* bytes allocated outside since the last full one */
  int64_t live;          /* application bytes after the last full one */
  uint64_t vain_until;   /* when an emergency may collect again */
} gc;

void __real_luaC_step(lua_State *L);
void __wrap_luaC_step(lua_State *L);
void __real_luaC_fullgc(lua_State *L, int emergency);
void __wrap_luaC_fullgc(lua_State *L, int emergency);

/* HeapAlloc at which the next cycle begins: a young one when Lua's own part has
 * grown by 20 % (Lua's default), if nothing outside Lua grows. */
static uint64_t plan_next_cycle(void) {
  uint64_t app = lab_mem_app_bytes();
  uint64_t external = (uint64_t)(gc.external > 0 ? gc.external : 0);
  return lab_mem_heap_bytes() + (app > external ? (app - external) / 5 : 0);
}

/* A pause is the time that a scenario has to wait, so it is wall time. The
 * collector's share of the process is CPU time, which is less on a busy
 * machine. */
static void begin_pause(void) {
  lab_stack_cache_forget();
  if (gc.depth++ > 0)
    return;
  gc.began = lab_clock_mono();
  gc.began_cpu = lab_clock_thread_cpu();
  LAB_PROBE(gc__start);
  if (lab_trace_on())
    lab_trace_gc_begin(gc.stack);
}

static void end_pause(unsigned cycles) {
  lab_stack_cache_forget();
  if (--gc.depth > 0)
    return;
  gc.cpu += lab_clock_thread_cpu() - gc.began_cpu;
  uint64_t took = lab_clock_mono() - gc.began;
  gc.pause += took;
  LAB_PROBE2(gc__done, (uint64_t)gc.cycles, took);
  if (lab_trace_on())
    lab_trace_gc_end(gc.cycles != cycles, plan_next_cycle());
  if (gc.cycles != cycles) {
    lab_memstats_gc_cycle(gc.pause, gc.cpu, plan_next_cycle(), gc.forced);
    gc.pause = gc.cpu = 0;
  }
}

/* Drops the coroutines that could have served again. That is possible here,
 * where Lua may also call finalizers: its stacks are complete. */
static void drop_garbage(bool all) {
  if (gc.L)
    lab_coroutine_drop_spare(lab_vm_of(gc.L), all);
}

/* A state without a VM (scenario/catalog.c) lives on another thread. While the
 * collector is held, Lua calls this again and again, which costs little. (If
 * Lua's own lua_gc stopped it, it would collect as soon as it was started
 * again.) */
void __wrap_luaC_step(lua_State *L) {
  if (!lab_vm_of(L)) {
    __real_luaC_step(L);
    return;
  }
  if (gc.held)
    return;
  unsigned cycles = gc.cycles;
  drop_garbage(false);
  begin_pause();
  __real_luaC_step(L);
  end_pause(cycles);
}

/* Before Lua refuses an allocation, it collects all garbage: an emergency.
 * Where all memory is in use that finds nothing, takes long, and the next
 * allocation would do it again. No code of Lua's would run, and the step could
 * not be left. So for as long as a collection has taken in vain, there is no
 * further one, and allocations fail at once. */
static void collect_in_emergency(lua_State *L) {
  uint64_t began = lab_clock_mono(), before = lab_mem_app_bytes();
  __real_luaC_fullgc(L, 1);
  uint64_t ended = lab_clock_mono(), after = lab_mem_app_bytes();
  bool vain = after + before / VAIN_SHARE > before;
  gc.vain_until = vain ? ended + (ended - began) : 0;
}

void __wrap_luaC_fullgc(lua_State *L, int emergency) {
  if (!lab_vm_of(L)) {
    __real_luaC_fullgc(L, emergency);
    return;
  }
  if (emergency && lab_clock_mono() < gc.vain_until)
    return;
  unsigned cycles = gc.cycles;
  if (!emergency)
    drop_garbage(true);
  begin_pause();
  if (emergency)
    collect_in_emergency(L);
  else
    __real_luaC_fullgc(L, 0);
  if (gc.cycles == cycles && gc.L)
    gc.cycles++; /* an emergency runs no finalizers: count it all the same */
  end_pause(cycles);
}

static int replace_sentinel(lua_State *L);

static void push_sentinel(lua_State *L) {
  lua_newuserdatauv(L, 0, 0);
  if (luaL_newmetatable(L, "lab.gc_sentinel")) {
    lua_pushcfunction(L, replace_sentinel);
    lua_setfield(L, -2, "__gc");
  }
  lua_setmetatable(L, -2);
}

static int replace_sentinel(lua_State *L) {
  if (gc.closing)
    return 0;
  gc.cycles++;
  push_sentinel(L);
  return 0;
}

void lab_gc_attach(lua_State *L) {
  lab_func_c((const void *)replace_sentinel, "[lua gc]", false);
  gc.stack = lab_export_pseudo("[lua gc]");
  gc.L = L;
  gc.closing = false;
  lab_stack_cache_forget(); /* of a VM before this one */
  push_sentinel(L);
  lua_pop(L, 1);
}

void lab_gc_detach(void) {
  gc.closing = true;
  gc.L = NULL;
}

static void collect_all(lua_State *L) {
  if (gc.held)
    return; /* the debt stays, so it collects soon after */
  lua_gc(L, LUA_GCCOLLECT);
  gc.external_debt = 0;
  gc.live = (int64_t)lab_mem_app_bytes();
}

void lab_gc_external(lua_State *L, int64_t delta) {
  gc.external += delta;
  if (delta <= 0 || gc.closing)
    return;
  gc.external_debt += delta;
  if (gc.external_debt >= (gc.live > EXTERNAL_MIN ? gc.live : EXTERNAL_MIN))
    collect_all(L);
}

void lab_gc_full(lua_State *L) {
  gc.forced = true;
  collect_all(L);
  gc.forced = false;
}

void lab_gc_hold(bool held) {
  gc.held = held;
}
