/* SPDX-License-Identifier: MIT
 * Lua's collector, driven so that cycles and pauses are known.
 *
 * The collector itself stays Lua's incremental one. Its steps are wrapped at
 * link time (--wrap): each is timed, and the sum over a cycle is the cycle's
 * pause (a scenario's code stands still during a step). The end of a cycle is
 * seen by a sentinel, a userdata without references: every cycle finalizes it,
 * and its finalizer makes the next one.
 *
 * Memory outside Lua (buffers) is reported by its owners. When it has grown, or
 * been replaced, by as much as was live at the last cycle (at least 4 MiB), the
 * collector is given a step of that many bytes, as if Lua had allocated them:
 * GOGC=100 for what Lua can't see.
 *
 * Threads: the VM's. */
#include "script/vm.h"

#include "base/clock.h"
#include "mem/mem.h"
#include "mem/memstats.h"
#include "stack/frame.h"

enum { EXTERNAL_MIN = 4 << 20 };

static struct {
  lua_State *L;
  bool closing;
  volatile unsigned depth; /* inside a step: a finalizer may cause another */
  volatile bool in_sentinel;
  unsigned cycles;       /* ended so far */
  bool forced;           /* lab.gc and heap?gc=1 */
  uint64_t pause;        /* ns of the cycle under way */
  int64_t external;      /* bytes kept alive outside Lua */
  int64_t external_debt; /* bytes allocated outside since the last step */
} gc;

void __real_luaC_step(lua_State *L);
void __wrap_luaC_step(lua_State *L);
void __real_luaC_fullgc(lua_State *L, int emergency);
void __wrap_luaC_fullgc(lua_State *L, int emergency);

/* HeapAlloc at which the next cycle begins: Lua starts when its own part has
 * doubled (pause 200). */
static uint64_t next_gc(void) {
  uint64_t now = lab_mem_app_bytes();
  uint64_t lua = now - (uint64_t)(gc.external > 0 ? gc.external : 0);
  return now + (lua < now ? lua : now);
}

static uint64_t begin(void) {
  return gc.depth++ == 0 ? lab_clock_mono() : 0;
}

static void end(uint64_t began, unsigned cycles) {
  if (--gc.depth > 0)
    return;
  gc.pause += lab_clock_mono() - began;
  if (gc.cycles != cycles) {
    lab_memstats_gc_cycle(gc.pause, gc.pause, next_gc(), gc.forced);
    gc.pause = 0;
  }
}

void __wrap_luaC_step(lua_State *L) {
  unsigned cycles = gc.cycles;
  uint64_t began = begin();
  __real_luaC_step(L);
  end(began, cycles);
}

void __wrap_luaC_fullgc(lua_State *L, int emergency) {
  unsigned cycles = gc.cycles;
  uint64_t began = begin();
  __real_luaC_fullgc(L, emergency);
  if (gc.cycles == cycles && gc.L)
    gc.cycles++; /* an emergency runs no finalizers: count it all the same */
  end(began, cycles);
}

static int sentinel_gc(lua_State *L);

static void push_sentinel(lua_State *L) {
  lua_newuserdatauv(L, 0, 0);
  if (luaL_newmetatable(L, "lab.gc_sentinel")) {
    lua_pushcfunction(L, sentinel_gc);
    lua_setfield(L, -2, "__gc");
  }
  lua_setmetatable(L, -2);
}

static int sentinel_gc(lua_State *L) {
  if (gc.closing)
    return 0;
  gc.in_sentinel = true;
  gc.cycles++;
  push_sentinel(L);
  gc.in_sentinel = false;
  return 0;
}

void lab_gc_attach(lua_State *L) {
  lab_func_c((const void *)sentinel_gc, "[lua gc]", false);
  gc.L = L;
  gc.closing = false;
  push_sentinel(L);
  lua_pop(L, 1);
}

void lab_gc_detach(void) {
  gc.closing = true;
  gc.L = NULL;
}

void lab_gc_external(lua_State *L, int64_t delta) {
  gc.external += delta;
  if (delta <= 0 || gc.closing)
    return;
  gc.external_debt += delta;
  int64_t enough = gc.external - gc.external_debt;
  if (enough < EXTERNAL_MIN)
    enough = EXTERNAL_MIN;
  if (gc.external_debt < enough)
    return;
  int kilobytes = (int)(gc.external_debt >> 10);
  gc.external_debt = 0;
  lua_gc(L, LUA_GCSTEP, kilobytes);
}

bool lab_gc_running(void) {
  return gc.depth > 0 && !gc.in_sentinel;
}

void lab_gc_full(lua_State *L) {
  gc.forced = true;
  lua_gc(L, LUA_GCCOLLECT);
  gc.forced = false;
  gc.external_debt = 0;
}
