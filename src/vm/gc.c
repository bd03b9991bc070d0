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
 * A full collection is one piece of work, which nothing interrupts. With ten
 * million tables it takes a second, for which the step could not be left. So
 * where a cycle has taken long, the collector goes on in Lua's other mode, in
 * steps of less than a millisecond; a full collection makes many of them, and
 * ends early if nobody wants it any more. So does the one piece of each cycle
 * that is left, if it takes long (atomic_phase.h).
 *
 * Memory outside Lua (buffers) is reported by its owners. When as much has been
 * allocated as was live after the last full collection, Lua's own heap
 * included, and at least 4 MiB, there is a full one (LAB_GC_PERCENT). (Young
 * ones would not do: a buffer that survived two of them is old.)
 *
 * Before memory is refused, all that nobody can reach is given back. Where Lua
 * wants it no finalizer may be called, so buffers say how they are emptied
 * without.
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
#include "trace/flight.h"
#include "trace/trace.h"
#include "vm/atomic_phase.h"
#include "vm/lualayout.h"
#include "vm/stack_cache.h"
#include "vm/vm.h"

enum {
  EXTERNAL_MIN = 4 << 20,
  STEPS_PAUSE = 100 + LAB_GC_PERCENT, /* percent of what is live */
  VAIN_SHARE = 64, /* of the memory: less than that is as good as nothing */
};
/* So long may emergencies in vain take that come one after the other. */
static const uint64_t VAIN_BURST_NS = 100 * LAB_MILLISECOND;
/* CPU time of a cycle; and of several steps in a row. */
static const uint64_t LONG_CYCLE_NS = 100 * LAB_MILLISECOND;
static const uint64_t SOME_NS = 2 * LAB_MILLISECOND;

static struct {
  lua_State *L;
  bool closing, held;
  bool in_steps;   /* Lua's incremental mode */
  bool gave_up;    /* a cycle: see collect_guarded */
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
  /* Userdata that have this metatable give back memory when they are emptied.
   */
  const void *emptied_class;
  void (*empty)(void *memory);
} gc;

/* A collection before memory is refused. */
typedef struct lab_gc_urgent {
  uint64_t began;
  size_t before; /* application bytes */
} lab_gc_urgent;

static bool (*unwanted)(bool stuck);

/* Lua's own: so much may be allocated until the next step; 0: it is due. */
void luaE_setdebt(void *global, ptrdiff_t debt);
void __real_luaC_step(lua_State *L);
void __wrap_luaC_step(lua_State *L);
void __real_luaC_fullgc(lua_State *L, int emergency);
void __wrap_luaC_fullgc(lua_State *L, int emergency);

static bool is_unwanted(void) {
  return unwanted && unwanted(false);
}

static bool is_unwanted_while_stuck(void) {
  return unwanted && unwanted(true);
}

/* HeapAlloc at which the next cycle begins: a young one when Lua's own part has
 * grown by 20 % (Lua's default), one in steps when it has grown by
 * LAB_GC_PERCENT, if nothing outside Lua grows. */
static uint64_t plan_next_cycle(void) {
  uint64_t app = lab_mem_app_bytes();
  uint64_t external = (uint64_t)(gc.external > 0 ? gc.external : 0);
  uint64_t own = app > external ? app - external : 0;
  return lab_mem_heap_bytes() +
         (gc.in_steps ? own / 100 * LAB_GC_PERCENT : own / 5);
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
  if (lab_flight_on())
    lab_flight_gc_begin(gc.stack, gc.began);
}

/* CYCLES had ended when the pause began. Returns the CPU time of the cycle that
 * has ended since, or 0. */
static uint64_t end_pause(unsigned cycles) {
  lab_stack_cache_forget();
  if (--gc.depth > 0)
    return 0;
  gc.cpu += lab_clock_thread_cpu() - gc.began_cpu;
  uint64_t took = lab_clock_mono() - gc.began;
  gc.pause += took;
  LAB_PROBE2(gc__done, (uint64_t)gc.cycles, took);
  if (lab_trace_on())
    lab_trace_gc_end(gc.cycles != cycles, plan_next_cycle());
  if (lab_flight_on())
    lab_flight_gc_end(gc.cycles != cycles, plan_next_cycle(), gc.began + took);
  if (gc.cycles == cycles)
    return 0;
  uint64_t cpu = gc.cpu;
  lab_memstats_gc_cycle(gc.pause, cpu, plan_next_cycle(), gc.forced);
  gc.pause = gc.cpu = 0;
  return cpu;
}

/* Calls one of Lua's entry points. A cycle that is given up leaves the
 * collector in steps, and begins anew. */
static void collect_guarded(void (*collect)(lua_State *L, int emergency),
                            lua_State *L, int emergency) {
  if (lab_atomic_phase_guard(collect, L, emergency,
                             emergency ? is_unwanted : is_unwanted_while_stuck))
    return;
  gc.gave_up = gc.in_steps = true;
  gc.external_debt = 0; /* as if it had been done: not again at once */
  lua_gc(L, LUA_GCINC, STEPS_PAUSE, 0, 0);
}

static void enter_steps(lua_State *L, int emergency) {
  (void)emergency;
  gc.in_steps = lua_gc(L, LUA_GCINC, STEPS_PAUSE, 0, 0) >= 0;
}

/* This makes a cycle. */
static void leave_steps(lua_State *L, int emergency) {
  (void)emergency;
  gc.in_steps = lua_gc(L, LUA_GCGEN, 0, LAB_GC_PERCENT) < 0;
}

/* A cycle has taken so much CPU time. */
static void choose_mode(lua_State *L, uint64_t cpu) {
  bool in_steps = cpu > (gc.in_steps ? LONG_CYCLE_NS / 4 : LONG_CYCLE_NS);
  if (cpu > 0 && !gc.closing && in_steps != gc.in_steps)
    collect_guarded(in_steps ? enter_steps : leave_steps, L, 0);
}

static void make_step(lua_State *L, int emergency) {
  (void)emergency;
  __real_luaC_step(L);
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
  collect_guarded(make_step, L, 0);
  choose_mode(L, end_pause(cycles));
}

/* As __real_luaC_fullgc(L, 1). Where it is unwanted the allocation fails, which
 * ends who wants it, too. */
static void collect_in_urgent_steps(lua_State *L, lab_layout_global *global) {
  global->emergency = 1; /* so no finalizer is called, and no stack moved */
  for (int cycles = 0; cycles < 2 && !is_unwanted();) {
    luaE_setdebt(global, 0);
    collect_guarded(make_step, L, 1);
    if (gc.gave_up)
      break;
    cycles += global->state == LAB_LAYOUT_NO_CYCLE;
  }
  global->emergency = 0;
}

/* Hardly anybody can reach what waits for its finalizer: other garbage that has
 * one, and who walks a table with weak keys. They find it empty now, and would
 * a moment later: the collector finalizes a userdata at once. */
static void empty_garbage(const lab_layout_global *global) {
  lab_layout_userdata *u = global->to_finalize;
  for (; u; u = u->next_object)
    if (u->type == LUA_TUSERDATA && u->metatable == gc.emptied_class)
      gc.empty(lab_layout_memory(u));
}

static lab_gc_urgent begin_emergency(void) {
  return (lab_gc_urgent){lab_clock_mono(), lab_mem_app_bytes()};
}

/* Before memory is refused, all garbage is collected: an emergency. Where all
 * memory is in use that finds nothing, takes long, and the next allocation
 * would do it again. No code of Lua's would run, and the step could not be
 * left. So collections in vain get half of the time: after each, for as long as
 * it has taken, there is no further one, and allocations fail at once. A few
 * short ones may come at once, or a script that is refused memory, gives some
 * up and tries again would be refused what is free. */
static void end_emergency(const lab_gc_urgent *e) {
  if (lab_mem_app_bytes() + e->before / VAIN_SHARE <= e->before) {
    gc.vain_until = 0;
    return;
  }
  uint64_t since = e->began > VAIN_BURST_NS ? e->began - VAIN_BURST_NS : 0;
  if (gc.vain_until < since)
    gc.vain_until = since;
  gc.vain_until += 2 * (lab_clock_mono() - e->began);
}

static void collect_in_emergency(lua_State *L) {
  lab_gc_urgent e = begin_emergency();
  lab_layout_global *global = lab_layout_global_of(L);
  if (gc.in_steps && global && !global->stopped)
    collect_in_urgent_steps(L, global);
  else
    collect_guarded(__real_luaC_fullgc, L, 1);
  if (global && gc.empty)
    empty_garbage(global);
  end_emergency(&e);
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
  bool gave_up = gc.gave_up; /* the collection within which memory is out */
  gc.gave_up = false;
  if (emergency)
    collect_in_emergency(L);
  else
    collect_guarded(__real_luaC_fullgc, L, 0);
  if (gc.cycles == cycles && gc.L && !gc.gave_up)
    gc.cycles++; /* an emergency runs no finalizers: count it all the same */
  gc.gave_up = gc.gave_up || gave_up;
  uint64_t cpu = end_pause(cycles);
  if (cpu > LONG_CYCLE_NS) /* the other change of mode would call finalizers */
    choose_mode(L, cpu);
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
  gc.closing = gc.in_steps = false;
  gc.empty = NULL;
  gc.vain_until = 0;
  lab_stack_cache_forget(); /* of a VM before this one */
  push_sentinel(L);
  lua_pop(L, 1);
}

void lab_gc_detach(void) {
  gc.closing = true;
  gc.L = NULL;
}

/* Ends the cycle under way, and makes another one. False: it is unwanted, or a
 * finalizer asks for it. */
static bool collect_in_steps(lua_State *L) {
  drop_garbage(true);
  for (int cycles = 0; gc.in_steps && cycles < 2;) {
    int ended = lua_gc(L, LUA_GCSTEP, 0);
    if (ended < 0 || gc.gave_up || is_unwanted())
      return false;
    cycles += ended;
  }
  return true;
}

/* What isn't collected stays a debt, so it is collected soon after. False: that
 * is so. */
static bool collect_all(lua_State *L) {
  gc.gave_up = false;
  if (gc.held || (gc.in_steps && !collect_in_steps(L)))
    return false;
  if (!gc.in_steps)
    lua_gc(L, LUA_GCCOLLECT);
  if (gc.gave_up)
    return false;
  gc.external_debt = 0;
  gc.live = (int64_t)lab_mem_app_bytes();
  return true;
}

void lab_gc_external(lua_State *L, int64_t delta) {
  gc.external += delta;
  if (delta <= 0 || gc.closing)
    return;
  gc.external_debt += delta;
  int64_t most = gc.live / 100 * LAB_GC_PERCENT;
  if (gc.external_debt >= (most > EXTERNAL_MIN ? most : EXTERNAL_MIN))
    collect_all(L);
}

bool lab_gc_full(lua_State *L) {
  gc.forced = true;
  bool done = collect_all(L);
  gc.forced = false;
  return done;
}

bool lab_gc_make_room(lua_State *L) {
  if (gc.closing || lab_clock_mono() < gc.vain_until)
    return false;
  lab_gc_urgent e = begin_emergency();
  collect_all(L);
  end_emergency(&e);
  return lab_mem_app_bytes() < e.before;
}

void lab_gc_empty_in_emergency(const void *metatable,
                               void (*empty)(void *memory)) {
  gc.emptied_class = metatable;
  gc.empty = empty;
}

bool lab_gc_is_in_steps(void) {
  return gc.in_steps;
}

bool lab_gc_some(lua_State *L) {
  uint64_t stop = lab_clock_thread_cpu() + SOME_NS;
  gc.gave_up = false;
  while (gc.in_steps && !gc.held && lab_clock_thread_cpu() < stop)
    if (lua_gc(L, LUA_GCSTEP, 0) != 0 || gc.gave_up)
      return true;
  return !gc.in_steps;
}

void lab_gc_set_unwanted(bool (*f)(bool stuck)) {
  unwanted = f;
}

void lab_gc_hold(bool held) {
  gc.held = held;
}
