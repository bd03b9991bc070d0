/* SPDX-License-Identifier: MIT
 * See atomic_phase.h. */
#include "vm/atomic_phase.h"

#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "vm/lualayout.h"

/* Without this a heap of many tables would be given up, too, whose atomic phase
 * ends by itself. */
static const uint64_t LONG_NS = 50 * LAB_MILLISECOND;

typedef struct guard {
  jmp_buf out;
  lab_layout_global *global;
  bool (*unwanted)(void);
  uint64_t began; /* mono ns of the phase; 0: it has not begun */
} guard;

/* Of the innermost collection: a finalizer may cause another one. */
static _Thread_local guard *present;

/* Lua's own: so much may be allocated until the next step. */
void luaE_setdebt(void *global, ptrdiff_t debt);
unsigned __real_luaH_realasize(const void *table);
unsigned __wrap_luaH_realasize(const void *table);

static void look_at_phase(guard *g) {
  uint64_t now = lab_clock_mono();
  if (g->began == 0)
    g->began = now;
  else if (now - g->began >= LONG_NS && g->unwanted())
    longjmp(g->out, 1);
}

unsigned __wrap_luaH_realasize(const void *table) {
  guard *g = present;
  if (__builtin_expect(g != NULL, 0) && g->global->state == LAB_LAYOUT_ATOMIC)
    look_at_phase(g);
  return __real_luaH_realasize(table);
}

typedef struct object {
  LAB_LAYOUT_HEADER;
} object;

/* In this phase Lua takes coroutines that seem to be dead off its list of those
 * with open upvalues, and puts one back when it finds that it isn't. */
static void list_coroutines(lab_layout_global *global) {
  for (object *o = global->all; o; o = o->next_object) {
    lab_layout_state *co = (lab_layout_state *)(void *)o;
    if (o->type != LUA_TTHREAD || !co->open_upvalues || co->twups != co)
      continue;
    co->twups = global->twups;
    global->twups = co;
  }
}

/* Lua makes all objects white, and young, when it leaves generational mode. */
static void give_up_cycle(lua_State *L, lab_layout_global *global,
                          uint8_t emergency) {
  ptrdiff_t quarter = (global->total + global->debt) / 4;
  uint8_t stopped = global->stopped; /* in a finalizer, where memory ran out */
  global->no_emergency = global->stopped = 0;
  global->kind = LAB_LAYOUT_GENERATIONAL;
  lua_gc(L, LUA_GCINC, 0, 0, 0);
  list_coroutines(global);
  global->stopped = stopped;
  global->emergency = emergency;
  luaE_setdebt(global, -quarter); /* not again at once */
}

bool lab_atomic_phase_guard(void (*collect)(lua_State *L, int emergency),
                            lua_State *L, int emergency,
                            bool (*unwanted)(void)) {
  guard g = {.global = lab_layout_global_of(L), .unwanted = unwanted};
  if (!g.global || !unwanted) {
    collect(L, emergency);
    return true;
  }
  guard *outer = present;
  uint8_t before = g.global->emergency;
  if (_setjmp(g.out) != 0) {
    present = outer;
    give_up_cycle(L, g.global, before);
    return false;
  }
  present = &g;
  collect(L, emergency);
  present = outer;
  return true;
}
