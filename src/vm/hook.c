/* SPDX-License-Identifier: MIT
 * See hook.h. */
#include "vm/hook.h"

#include <stddef.h>

#include "base/clock.h"
#include "vm/lualayout.h"

static void (*settle_samples)(lua_State *L, bool called);
static void (*act_preempt)(lua_State *L, lua_Debug *ar);

void lab_hook_set_sampler(void (*settle)(lua_State *L, bool called)) {
  settle_samples = settle;
}

void lab_hook_set_preempt(void (*act)(lua_State *L, lua_Debug *ar)) {
  act_preempt = act;
}

static void run_hook(lua_State *L, lua_Debug *ar) {
  bool called = ar->event == LUA_HOOKCALL || ar->event == LUA_HOOKTAILCALL;
  /* Disarmed first, because a signal that comes later arms it again. */
  lua_sethook(L, NULL, 0, 0);
  if (settle_samples)
    settle_samples(L, called);
  if (act_preempt)
    act_preempt(L, ar);
}

/* Lua marks each call under way that has to look for a hook. The first
 * instruction after a hook takes the mark off again. If the signal comes in the
 * middle of that, the hook stays without a mark on the innermost call, where a
 * loop may go on for ever. */
static bool mark_innermost_call(lua_State *L) {
  if (!lab_layout_fits())
    return false;
  lab_layout_call *call = ((lab_layout_state *)(void *)L)->call;
  if (!(call->status & lab_lua_layout.call_c))
    call->u.lua.trap = 1;
  return true;
}

uint64_t lab_hook_arm(lua_State *L) {
  const int mask = LUA_MASKCALL | LUA_MASKRET | LUA_MASKCOUNT;
  if (lua_gethook(L) == run_hook && lua_gethookmask(L) == mask &&
      mark_innermost_call(L))
    return 0;
  uint64_t before = lab_clock_thread_cpu();
  lua_sethook(L, run_hook, mask, 1);
  return lab_clock_thread_cpu() - before;
}

void lab_hook_arm_count(lua_State *L, int n) {
  lua_sethook(L, run_hook, LUA_MASKCOUNT, n);
}

void lab_hook_disarm(lua_State *L) {
  if (lua_gethook(L) == run_hook)
    lua_sethook(L, NULL, 0, 0);
}
