/* SPDX-License-Identifier: MIT
 * See sampler.h.
 *
 * Lua's stack can't be read in a signal handler: it may be half changed. So
 * SIGPROF takes the native frames above Lua's core, keeps them as a pending
 * sample, and arms the hook (hook.h). The hook takes Lua's stack and emits all
 * samples that are pending.
 *
 * What experience has shown:
 *  - A walk takes a time proportional to the call depth, unless one before has
 *    counted most calls (levels.c): 50 ms at 200,000 frames, where they aren't
 *    in the processor's caches. After a slow one, signals are skipped for 40
 *    times as long, at most 100 ms, and the next sample gets their weight. This
 *    is CPU time: by the wall clock a thread that another program takes the
 *    processor from would seem slow.
 *  - Skipped weight is pending, too. If no signal follows, because the session
 *    ends, it is lost, and not part of the next session.
 *  - Lua looks for the hook where it jumps back, calls, returns, or has called
 *    a helper that may raise: not at the next instruction. So the line that
 *    the hook finds may be one below the interrupted one; of a loop without
 *    calls it is that of the loop's first instruction, for all of its body.
 *  - If it looks where it begins a function that was called by "return f()",
 *    the interrupted function is gone. So the handler notes which one it was.
 *  - Before most helpers that may raise, Lua notes its place. If one of those
 *    was interrupted the handler reads its line, which replaces the hook's.
 *  - Where an error is raised there is no next instruction: it is caught by a
 *    pcall, in which the hook would come. So what is pending is emitted before
 *    Lua leaves the function (resume.c).
 *  - A C function may run for long after a session's end. Then the profiler
 *    asks for what is pending (`look`): a first signal copies Lua's stack
 *    (signal_walk.h), the profiler makes a stack of the copy, and a second
 *    signal emits the samples with it, if no hook has run in between.
 *
 * Threads: the VM's. The handler interrupts it; `busy` tells it that the
 * pending samples are being changed. */
#include "vm/sampler.h"

#include <signal.h>
#include <stdatomic.h>
#include <string.h>

#include "base/clock.h"
#include "prof/cpu.h"
#include "stack/stack.h"
#include "stack/unwind.h"
#include "vm/hook.h"
#include "vm/lualayout.h"
#include "vm/signal_walk.h"
#include "vm/stack_cache.h"
#include "vm/vm.h"

enum {
  PENDING = 1024,
  NO_HOOK = -1,      /* beside the events of hooks, LUA_HOOKCALL and so on */
  SLOW_WALK = 20000, /* ns */
  SLOW_FACTOR = 40,
};

static const uint64_t LONGEST_SKIP = 100 * LAB_MILLISECOND;

typedef struct pending {
  lua_State *L;
  uint32_t weight;
  uint32_t label;
  int line; /* of level 0, if > 0 */
  /* What ran, if it was Lua code: its call, the function, where that noted its
   * place last; and when this was. See find_ended_call. */
  const lab_layout_call *call;
  const void *function; /* NULL: it wasn't, or that isn't known */
  const uint32_t *pc;
  uint32_t age;
  uint16_t n;
  lab_frame native[LAB_UNWIND_MAX];
} pending;

static struct {
  bool attached;
  volatile sig_atomic_t busy;
  unsigned npending;
  atomic_uint pending_weight;
  uint32_t carry;      /* weight of signals skipped after a slow walk */
  uint64_t skip_until; /* CPU ns of the thread */
  uint32_t label;
  uint32_t frozen; /* stack id while a long primitive runs, else 0 */
  bool is_frozen;
  volatile sig_atomic_t in_finalizer;
  lab_frame collector; /* "[lua gc]" */
  uint64_t settled;    /* how often the hook came to settle what is pending */
  pending pending[PENDING];
} sm;

/* The stack of a C function that doesn't return. While it is COPIED it belongs
 * to the profiler's side, else to the handler. */
static struct {
  _Atomic enum { EMPTY, COPIED, NAMED } state;
  lua_State *L;
  uint64_t settled; /* it holds as long as this is sm.settled */
  uint32_t stack;   /* NAMED */
  lab_signal_walk copy;
} standing;

/* ---- emitting ------------------------------------------------------------ */

static void emit_sample(const pending *p, lab_frame *lua, size_t n) {
  lab_frame first = n ? lua[0] : 0;
  if (p->line > 0 && n > 0 && lab_frame_line(first) > 0)
    lua[0] = lab_frame_script(lab_frame_func(first), p->line);
  uint32_t base = lab_stack_intern(lua, n);
  lab_cpu_emit(p->native, p->n, base, p->label, p->weight);
  if (n)
    lua[0] = first;
}

/* A walk over a deep stack takes milliseconds. Samples are skipped after it, so
 * that walks take no more than a small part of the time. */
static size_t walk_and_time(const lab_resumed *chain, int skip,
                            lab_frame *lua) {
  uint64_t before = lab_clock_thread_cpu();
  size_t n = lab_walk_chain(chain, skip, true, lua);
  uint64_t now = lab_clock_thread_cpu(), took = now - before;
  if (took > SLOW_WALK) {
    uint64_t rest = took * (SLOW_FACTOR - 1);
    sm.skip_until = now + (rest < LONGEST_SKIP ? rest : LONGEST_SKIP);
  }
  return n;
}

/* The frame of the function in which P was taken, and which has called, in its
 * place, the one that L is about to run. Its objects are still there, as the
 * collector hasn't run since. */
static lab_frame find_ended_call(lua_State *L, const pending *p) {
  if (!p->function || p->age != lab_stack_cache_age() ||
      p->call != ((const lab_layout_state *)(void *)L)->call)
    return lab_frame_script(lab_func_pseudo("[tail call]"), 0);
  return lab_walk_ended_call(L, p->function, p->pc);
}

/* Emits what is pending for L, whose stack begins CHAIN. EVENT: that of the
 * hook, or NO_HOOK. */
static void settle_pending(const lab_resumed *chain, lua_State *L, int event) {
  bool is_tail = event == LUA_HOOKTAILCALL;
  bool is_called = is_tail || event == LUA_HOOKCALL;
  sm.settled++;
  if (sm.npending == 0)
    return;
  sm.busy = 1;
  atomic_signal_fence(memory_order_seq_cst);
  lab_frame frames[1 + LAB_WALK_DEPTH], *lua = frames + 1;
  size_t n = 0;
  bool walked = false;
  unsigned kept = 0;
  for (unsigned i = 0; i < sm.npending; i++) {
    pending *p = &sm.pending[i];
    if (p->L != L) {
      if (kept != i)
        sm.pending[kept] = *p;
      kept++;
      continue;
    }
    if (!walked) {
      n = walk_and_time(chain, is_called, lua);
      walked = true;
    }
    if (is_tail)
      lua[-1] = find_ended_call(L, p);
    emit_sample(p, lua - is_tail, n + is_tail);
    atomic_fetch_sub(&sm.pending_weight, p->weight);
  }
  sm.npending = kept;
  atomic_signal_fence(memory_order_seq_cst);
  sm.busy = 0;
}

void lab_sampler_left(const lab_resumed *left) {
  if (!lab_vm_of(left->L) || !sm.attached)
    return; /* the former: a state on another thread */
  lab_hook_disarm(left->L);
  settle_pending(left, left->L, NO_HOOK);
}

void lab_sampler_settle(lua_State *L) {
  if (sm.npending > 0)
    settle_pending(lab_resumed_find(L), L, NO_HOOK);
}

static void settle_in_hook(lua_State *L, int event) {
  settle_pending(lab_resumed_find(L), L, event);
}

/* ---- SIGPROF ------------------------------------------------------------- */

/* Room for one more pending sample. When there is none left, weight is added to
 * a last sample without native frames, so that Lua's frames stay exact. */
static pending *find_pending_place(lua_State *L, uint32_t weight) {
  if (sm.npending < PENDING - 1)
    return &sm.pending[sm.npending];
  pending *last = &sm.pending[PENDING - 1];
  if (sm.npending == PENDING && last->L == L) {
    last->weight += weight;
    atomic_fetch_add(&sm.pending_weight, weight);
    return NULL;
  }
  if (sm.npending == PENDING) {
    lab_cpu_lost(weight);
    return NULL;
  }
  return last;
}

/* While Lua moves a coroutine's stack, the list of its calls can't be read: it
 * points to the old stack or, in Lua 5.4.7, holds offsets instead. */
static bool is_moving_stack(const char *name) {
  return strncmp(name, "luaD_reallocstack", 17) == 0 ||
         strncmp(name, "luaD_growstack", 14) == 0 ||
         strncmp(name, "luaD_shrinkstack", 16) == 0;
}

static const char *name_native_frame(const lab_frame *native, size_t i) {
  return lab_code_name((uintptr_t)native[i] - (i > 0), NULL);
}

static bool is_stack_moving(const lab_frame *native, size_t n) {
  for (size_t i = 0; i < n; i++) {
    const char *name = name_native_frame(native, i);
    if (name && is_moving_stack(name))
      return true;
  }
  return false;
}

/* Notes which function of Lua's runs in L. While a call begins, its place may
 * not be noted yet and lead anywhere: so nothing behind it is read here. The
 * next hook is at that call then, and doesn't ask. */
static void note_call(pending *p, lua_State *L) {
  const lab_layout_state *s = (const void *)L;
  const lab_layout_call *call = s->call;
  const lab_layout_value *f = call->func;
  if ((call->status & lab_lua_layout.call_c) || f < s->stack ||
      f >= s->stack_last || f->type != lab_lua_layout.lua_function)
    return;
  p->call = call;
  p->function = f->as.object;
  p->pc = call->u.lua.pc;
  p->age = lab_stack_cache_age();
}

/* True if the interpreter noted its place before it called the outermost of the
 * NATIVE frames. It does so for what may raise or collect, and not for what
 * only reads or changes a table, makes one, or computes (luaH_getshortstr,
 * pow). */
static bool is_line_known(const lab_frame *native, size_t n) {
  static const char *const noted[] = {"luaV_concat",      "luaV_finishget",
                                      "luaV_finishset",   "luaV_objlen",
                                      "lessthanothers",   "lessequalothers",
                                      "l_strcmp",         "forprep",
                                      "pushclosure",      "luaF_findupval",
                                      "luaF_newLclosure", "luaC_step",
                                      "__wrap_luaC_step", NULL};
  const char *name = n > 0 ? name_native_frame(native, n - 1) : NULL;
  if (!name)
    return false;
  size_t len = strcspn(name, ".");                /* "f.part.0" is f */
  bool is_noted = strncmp(name, "luaT_", 5) == 0; /* metamethods, varargs */
  for (const char *const *known = noted; !is_noted && *known; known++)
    is_noted = strlen(*known) == len && memcmp(name, *known, len) == 0;
  return is_noted;
}

static uint16_t unwind_sample(const void *context,
                              lab_frame native[LAB_UNWIND_MAX],
                              lab_code *stopped) {
  size_t room = LAB_UNWIND_MAX - (sm.in_finalizer != 0);
  size_t n = lab_unwind_signal(context, native, room, true, stopped);
  if (sm.in_finalizer)
    native[n++] = sm.collector;
  return (uint16_t)n;
}

static void defer_sample(lua_State *L, const void *context, uint32_t weight) {
  bool full = sm.npending >= PENDING - 1;
  pending *p = find_pending_place(L, weight);
  if (!p)
    return;
  lab_code stopped = LAB_CODE_OTHER;
  p->L = L;
  p->label = sm.label;
  p->line = 0;
  p->function = NULL;
  p->n = full ? 0 : unwind_sample(context, p->native, &stopped);
  bool moves = stopped == LAB_CODE_OTHER || is_stack_moving(p->native, p->n);
  lua_Debug ar;
  if (!moves && lab_layout_fits())
    note_call(p, L);
  if (!moves && stopped == LAB_CODE_LUA_VM && is_line_known(p->native, p->n) &&
      lua_getstack(L, 0, &ar) && lua_getinfo(L, "l", &ar))
    p->line = ar.currentline;
  p->weight = weight + sm.carry;
  sm.carry = 0;
  atomic_fetch_add(&sm.pending_weight, weight);
  sm.npending++;
  lab_hook_arm(L);
}

static bool handle_vm_sigprof(const void *context, uint32_t weight) {
  if (!sm.attached || !lab_resumed_top)
    return false;
  if (sm.busy) {
    lab_cpu_lost(weight);
    return true;
  }
  if (sm.is_frozen) {
    lab_frame native[LAB_UNWIND_MAX];
    size_t n = lab_unwind_signal(context, native, LAB_UNWIND_MAX, true, NULL);
    lab_cpu_emit(native, n, sm.frozen, sm.label, weight);
    return true;
  }
  if (sm.skip_until) {
    if (lab_clock_thread_cpu() < sm.skip_until) {
      sm.carry += weight;
      atomic_fetch_add(&sm.pending_weight, weight);
      return true;
    }
    sm.skip_until = 0;
  }
  defer_sample(lab_resumed_top->L, context, weight);
  return true;
}

/* ---- a C function that doesn't return ------------------------------------ */

/* In the handler. */
static void emit_standing_samples(void) {
  unsigned kept = 0;
  for (unsigned i = 0; i < sm.npending; i++) {
    const pending *p = &sm.pending[i];
    if (p->L == standing.L) {
      lab_cpu_emit(p->native, p->n, standing.stack, p->label, p->weight);
      atomic_fetch_sub(&sm.pending_weight, p->weight);
    } else if (kept++ != i) {
      sm.pending[kept - 1] = *p;
    }
  }
  sm.npending = kept;
}

static void look_at_pending(const void *context) {
  const lab_resumed *top = lab_resumed_top;
  if (!sm.attached || !top || sm.busy || sm.npending == 0)
    return;
  int state = atomic_load_explicit(&standing.state, memory_order_acquire);
  if (state == COPIED)
    return;
  if (state == NAMED && standing.L == top->L &&
      standing.settled == sm.settled) {
    emit_standing_samples();
    return;
  }
  if (!lab_signal_walk_take(&standing.copy, top, context))
    return;
  standing.L = top->L;
  standing.settled = sm.settled;
  atomic_store_explicit(&standing.state, COPIED, memory_order_release);
}

/* On the profiler's side. */
static void name_standing_stack(void) {
  if (atomic_load_explicit(&standing.state, memory_order_acquire) != COPIED)
    return;
  standing.stack = lab_signal_walk_intern(&standing.copy);
  atomic_store_explicit(&standing.state, NAMED, memory_order_release);
}

static uint32_t read_pending_weight(void) {
  return atomic_load(&sm.pending_weight);
}

/* ---- attaching ----------------------------------------------------------- */

static uint32_t give_up_carry(void) {
  uint32_t weight = sm.carry;
  sm.carry = 0;
  atomic_fetch_sub(&sm.pending_weight, weight);
  return weight;
}

static const lab_cpu_vm cpu_vm = {
    handle_vm_sigprof,   read_pending_weight, look_at_pending,
    name_standing_stack, give_up_carry,
};

void lab_sampler_attach(void) {
  sm.collector = lab_frame_script(lab_func_pseudo("[lua gc]"), 0);
  sm.attached = true;
  lab_hook_set_sampler(settle_in_hook);
  lab_cpu_set_vm(&cpu_vm);
}

void lab_sampler_detach(void) {
  lab_cpu_set_vm(NULL);
  sm.attached = false;
  sm.npending = 0;
  sm.carry = 0;
  sm.skip_until = 0; /* by the clock of the thread that ends */
  sm.settled++;      /* the standing stack, too, was of the VM that goes */
  atomic_store(&sm.pending_weight, 0);
  lab_hook_set_sampler(NULL);
}

bool lab_sampler_is_busy(void) {
  return sm.busy;
}

uint32_t lab_sampler_freeze(lua_State *L) {
  sm.frozen = lab_walk(L, 0);
  atomic_signal_fence(memory_order_seq_cst);
  sm.is_frozen = true;
  return sm.frozen;
}

void lab_sampler_thaw(void) {
  sm.is_frozen = false;
}

void lab_sampler_begin_finalizer(void) {
  sm.in_finalizer = 1;
}

void lab_sampler_end_finalizer(void) {
  sm.in_finalizer = 0;
}

void lab_sampler_set_label(uint32_t label) {
  sm.label = label;
}
