/* SPDX-License-Identifier: MIT
 * See hook.h. */
#include "vm/hook.h"

#include <stdatomic.h>
#include <stddef.h>

#include "vm/lualayout.h"

static void (*settle_samples)(lua_State *L, int event);
static void (*act_preempt)(lua_State *L, lua_Debug *ar);

void lab_hook_set_sampler(void (*settle)(lua_State *L, int event)) {
  settle_samples = settle;
}

void lab_hook_set_preempt(void (*act)(lua_State *L, lua_Debug *ar)) {
  act_preempt = act;
}

static void run_hook(lua_State *L, lua_Debug *ar) {
  /* Disarmed first, because a signal that comes later arms it again. */
  lua_sethook(L, NULL, 0, 0);
  if (settle_samples)
    settle_samples(L, ar->event);
  if (act_preempt)
    act_preempt(L, ar);
}

/* Lua marks all calls under way, so that each looks for the hook; that takes
 * milliseconds on a deep stack. But a call that begins or returns looks anyway,
 * so it is enough to mark the innermost one, and the one of Lua's that it may
 * return to. Lua is shown a stack that ends there.
 *
 * The first instruction after a hook takes the mark off again. If the signal
 * comes in the middle of that, the hook stays without a mark, where a loop may
 * go on for ever. So each signal marks the calls anew. */
static void set_hook(lua_State *L, int mask, int count) {
  lab_layout_call *last = NULL, *rest = NULL;
  if (lab_layout_fits()) {
    last = ((lab_layout_state *)(void *)L)->call->previous;
    while (last && (last->status & lab_lua_layout.call_c))
      last = last->previous;
  }
  if (last) {
    rest = last->previous;
    last->previous = NULL;
  }
  atomic_signal_fence(memory_order_seq_cst);
  lua_sethook(L, run_hook, mask, count);
  atomic_signal_fence(memory_order_seq_cst);
  if (last)
    last->previous = rest;
}

void lab_hook_arm(lua_State *L) {
  set_hook(L, LUA_MASKCALL | LUA_MASKRET | LUA_MASKCOUNT, 1);
}

void lab_hook_arm_count(lua_State *L, int n) {
  set_hook(L, LUA_MASKCOUNT, n);
}

void lab_hook_disarm(lua_State *L) {
  if (lua_gethook(L) == run_hook)
    lua_sethook(L, NULL, 0, 0);
}
