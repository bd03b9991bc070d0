/* SPDX-License-Identifier: MIT
 * The VM's part in CPU profiles and time slices.
 *
 * Lua's stack can't be read in a signal handler: it may be half changed. But
 * lua_sethook may be called there. So SIGPROF takes the native frames above
 * Lua's core, keeps them as pending, and arms a hook; the hook runs at the next
 * VM instruction, or when the C function that runs returns, takes Lua's stack
 * and emits all that is pending. The same hook serves SIGURG, which says that
 * the time slice is over or that the task was cancelled.
 *
 * What had to be learnt:
 *  - lua_sethook costs O(call depth). Never arm twice; when arming was slow,
 *    skip signals for 20 times as long and give the next sample their weight:
 *    at most 5 % of the time is lost, also at 200,000 frames.
 *  - The hook sees the *next* instruction. When the native stack ends directly
 *    in luaV_execute, a helper of the present instruction was running and the
 *    frame is complete: its line is read in the handler and put in later.
 *  - No hook runs inside a finalizer. So what is pending there is known by the
 *    collector being at work, but below the VM's frames.
 *  - lua_newthread copies an armed hook: it must bear having nothing to do.
 *
 * Threads: the VM's. The handlers interrupt it; `busy` tells them that the
 * pending samples are being changed. */
#include "script/vm.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "prof/cpu.h"
#include "stack/stack.h"
#include "stack/unwind.h"

enum {
  PENDING = 1024,
  DEPTH = 64,
  SLOW_ARM = 20000, /* ns */
  SLOW_FACTOR = 20,
  RETRY_COUNT = 1000, /* instructions, when a task can't be yielded here */
};
static const long SLICE_NS = 10 * 1000 * 1000;

typedef struct pending {
  lua_State *L;
  uint32_t weight;
  uint32_t label;
  int line; /* of level 0, if > 0 */
  bool finalizer;
  uint16_t n;
  lab_frame native[LAB_UNWIND_MAX];
} pending;

static struct {
  lab_vm *vm;
  volatile sig_atomic_t busy;
  volatile sig_atomic_t preempt; /* the slice is over */
  unsigned npending;
  atomic_uint pending_weight;
  uint32_t carry;      /* weight of signals skipped after a slow arm */
  uint64_t skip_until; /* mono ns */
  uint32_t label;
  uint32_t frozen; /* stack id while a long primitive runs, else 0 */
  bool is_frozen;
  uint32_t finalizer; /* pseudo function */
  timer_t slice;
  bool slicing; /* there is one */
  pending pending[PENDING];
} sm;

static void hook(lua_State *L, lua_Debug *ar);

/* ---- emitting ------------------------------------------------------------ */

static void emit(const pending *p, lab_frame *lua, size_t n) {
  lab_frame first = n ? lua[0] : 0;
  if (p->line > 0 && n > 0 && lab_frame_line(first) > 0)
    lua[0] = lab_frame_script(lab_frame_func(first), p->line);
  uint32_t base;
  if (p->finalizer) {
    lab_frame with[DEPTH + 1];
    with[0] = lab_frame_script(sm.finalizer, 0);
    memcpy(with + 1, lua, n * sizeof *lua);
    base = lab_stack_intern(with, n + 1);
  } else {
    base = lab_stack_intern(lua, n);
  }
  lab_cpu_emit(p->native, p->n, base, p->label, p->weight);
  if (n)
    lua[0] = first;
}

/* Emits what is pending for L, whose stack begins CHAIN. */
static void settle(const lab_resumed *chain, lua_State *L, int skip) {
  if (sm.npending == 0)
    return;
  sm.busy = 1;
  atomic_signal_fence(memory_order_seq_cst);
  lab_frame lua[DEPTH];
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
      n = lab_walk_chain(chain, skip, lua);
      walked = true;
    }
    emit(p, lua, n);
    atomic_fetch_sub(&sm.pending_weight, p->weight);
  }
  sm.npending = kept;
  atomic_signal_fence(memory_order_seq_cst);
  sm.busy = 0;
}

static const lab_resumed *chain_of(lua_State *L) {
  const lab_resumed *chain = lab_resumed_top;
  while (chain && chain->L != L)
    chain = chain->outer;
  return chain;
}

void lab_sampler_left(const lab_resumed *left) {
  if (!sm.vm)
    return;
  if (lua_gethook(left->L) == hook)
    lua_sethook(left->L, NULL, 0, 0);
  settle(left, left->L, 0);
}

/* ---- the hook ------------------------------------------------------------ */

static bool is_cancelled(void) {
  return sm.vm && sm.vm->running && sm.vm->running->base.cancelled;
}

/* The slice is over: make way, if the task can be parked here. */
static void make_way(lua_State *L, lua_Debug *ar) {
  lab_lua_task *t = sm.vm->running;
  if (!t || t->co != L)
    return; /* a coroutine of the script: not ours to yield */
  if (ar->event != LUA_HOOKCOUNT) { /* the next instruction will do */
    lua_sethook(L, hook, LUA_MASKCOUNT, 1);
    return;
  }
  if (!lua_isyieldable(L)) {
    lua_sethook(L, hook, LUA_MASKCOUNT, RETRY_COUNT);
    return;
  }
  sm.preempt = 0;
  if (lab_sched_is_precise(sm.vm->sched)) /* somebody counts this waiting */
    t->base.stack = lab_walk(L, 0);
  lab_task_ready(sm.vm->sched, &t->base);
  lua_yield(L, 0);
}

static void hook(lua_State *L, lua_Debug *ar) {
  if (!sm.vm) {
    lua_sethook(L, NULL, 0, 0);
    return;
  }
  /* At a call, level 0 is the function that is about to run: the one that was
   * interrupted is its caller. */
  bool call = ar->event == LUA_HOOKCALL || ar->event == LUA_HOOKTAILCALL;
  /* Disarmed first: a signal that comes from here on arms it anew. */
  lua_sethook(L, NULL, 0, 0);
  settle(chain_of(L), L, call);
  if (is_cancelled()) { /* armed again: pcall can't swallow it for long */
    lua_sethook(L, hook, LUA_MASKCOUNT, 1);
    lab_lua_raise_cancelled(L);
  }
  if (sm.preempt)
    make_way(L, ar);
}

/* Async-signal-safe. */
static void arm(lua_State *L) {
  const int mask = LUA_MASKCALL | LUA_MASKRET | LUA_MASKCOUNT;
  if (lua_gethook(L) == hook && lua_gethookmask(L) == mask)
    return;
  uint64_t before = lab_clock_mono();
  lua_sethook(L, hook, mask, 1);
  uint64_t took = lab_clock_mono() - before;
  if (took > SLOW_ARM)
    sm.skip_until = before + took * SLOW_FACTOR;
}

void lab_sampler_arm(lua_State *L) {
  arm(L);
}

/* ---- SIGPROF ------------------------------------------------------------- */

/* Room for one more pending sample; when it runs out, weight is added to one
 * without native frames, so that Lua's side stays exact. */
static pending *place(lua_State *L, uint32_t weight) {
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

/* NATIVE ends at the VM's machinery. If the collector called that, it ran a
 * finalizer; else the collector's own frames are there. */
static bool in_finalizer(const lab_frame *native, size_t n) {
  if (!lab_gc_running())
    return false;
  for (size_t i = 0; i < n; i++)
    if (lab_code_class((uintptr_t)native[i] - (i > 0)) == LAB_CODE_LUA_GC)
      return false;
  return true;
}

/* True if the VM noted its place before it went into native code, whose
 * outermost frame is FRAME: it does, but for what makes a table. */
static bool line_is_known(lab_frame frame, size_t n) {
  const char *name = lab_code_name((uintptr_t)frame - (n > 1), NULL);
  return !name || (strcmp(name, "luaH_new") != 0 &&
                   strncmp(name, "luaH_resize", 11) != 0);
}

static void defer(lua_State *L, const void *context, uint32_t weight) {
  bool full = sm.npending >= PENDING - 1;
  pending *p = place(L, weight);
  if (!p)
    return;
  lab_code stopped = LAB_CODE_OTHER;
  p->L = L;
  p->label = sm.label;
  p->line = 0;
  p->n = full ? 0
              : (uint16_t)lab_unwind_signal(context, p->native, LAB_UNWIND_MAX,
                                            true, &stopped);
  p->finalizer = !full && in_finalizer(p->native, p->n);
  lua_Debug ar;
  if (p->n > 0 && !p->finalizer && stopped == LAB_CODE_LUA_VM &&
      line_is_known(p->native[p->n - 1], p->n) && lua_getstack(L, 0, &ar) &&
      lua_getinfo(L, "l", &ar))
    p->line = ar.currentline;
  p->weight = weight + sm.carry;
  sm.carry = 0;
  atomic_fetch_add(&sm.pending_weight, p->weight);
  sm.npending++;
  arm(L);
}

static bool on_sigprof(const void *context, uint32_t weight) {
  if (!sm.vm || !lab_resumed_top)
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
    if (lab_clock_mono() < sm.skip_until) {
      sm.carry += weight;
      return true;
    }
    sm.skip_until = 0;
  }
  defer(lab_resumed_top->L, context, weight);
  return true;
}

static uint32_t pending_weight(void) {
  return atomic_load(&sm.pending_weight);
}

/* ---- SIGURG: the end of a slice, or an interruption ---------------------- */

/* The C function that keeps the VM: the innermost of ours or of Lua's library,
 * for the user who asks why the step can't be left. */
static _Atomic(const char *) where;
static atomic_bool where_asked;

static void note_where(const void *context) {
  lab_frame native[LAB_UNWIND_MAX];
  size_t n = lab_unwind_signal(context, native, LAB_UNWIND_MAX, true, NULL);
  const char *name = NULL;
  for (size_t i = 0; i < n && !name; i++) {
    uintptr_t pc = (uintptr_t)native[i] - (i > 0);
    lab_code code = lab_code_class(pc);
    if (code == LAB_CODE_OWN || code == LAB_CODE_LUA_LIB)
      name = lab_code_name(pc, NULL);
  }
  atomic_store(&where, name);
}

void lab_sampler_ask_where(void) {
  atomic_store(&where, NULL);
  atomic_store(&where_asked, true);
}

void lab_sampler_where(char *out, size_t size) {
  const char *name = atomic_load(&where);
  snprintf(out, size, "%s", name ? name : "C code or a finalizer");
}

/* A task that gives back what a step took must come to its end. It is short,
 * and runs nothing of the scenario's. */
static bool may_be_interrupted(const lab_vm *vm) {
  return !vm->running->own || vm->running == vm->switcher;
}

static void on_sigurg(int sig, siginfo_t *info, void *context) {
  (void)sig;
  (void)info;
  int saved = errno;
  lab_resumed *top = lab_resumed_top;
  lab_vm *vm = sm.vm;
  if (vm && atomic_exchange(&where_asked, false))
    note_where(context);
  if (vm && top && vm->running && !sm.busy) {
    if (atomic_load(lab_vm_interruption(vm)) && may_be_interrupted(vm)) {
      note_where(context);
      vm->running->base.cancelled = true;
      if (vm->running->job) /* it runs here */
        atomic_store(&vm->running->job->cancelled, true);
    }
    if (lab_sched_wanted(vm->sched))
      sm.preempt = 1;
    if (sm.preempt || is_cancelled())
      arm(top->L);
  }
  errno = saved;
}

static int start_slices(void) {
  struct sigaction sa = {.sa_sigaction = on_sigurg,
                         .sa_flags = SA_SIGINFO | SA_RESTART};
  sigemptyset(&sa.sa_mask);
  sigaddset(&sa.sa_mask, SIGPROF);
  if (sigaction(SIGURG, &sa, NULL))
    return -errno;
  struct sigevent ev;
  memset(&ev, 0, sizeof ev);
  ev.sigev_notify = SIGEV_THREAD_ID;
  ev.sigev_signo = SIGURG;
  ev._sigev_un._tid = lab_thread_self()->tid;
  /* The thread's CPU clock: no wake-ups while nothing runs. */
  if (timer_create(CLOCK_THREAD_CPUTIME_ID, &ev, &sm.slice))
    return -errno;
  sm.slicing = true;
  struct itimerspec every = {{0, SLICE_NS}, {0, SLICE_NS}};
  return timer_settime(sm.slice, 0, &every, NULL) ? -errno : 0;
}

/* ---- attaching ----------------------------------------------------------- */

static const lab_cpu_vm cpu_vm = {on_sigprof, pending_weight};

int lab_sampler_attach(lab_vm *vm) {
  sm.finalizer = lab_func_pseudo("[lua __gc finalizer]");
  sm.vm = vm;
  lab_cpu_set_vm(&cpu_vm);
  return start_slices();
}

void lab_sampler_detach(void) {
  if (sm.slicing)
    timer_delete(sm.slice);
  sm.slicing = false;
  lab_cpu_set_vm(NULL);
  sm.vm = NULL;
  sm.npending = 0;
  atomic_store(&sm.pending_weight, 0);
}

void lab_sampler_freeze(lua_State *L) {
  sm.frozen = lab_walk(L, 0);
  atomic_signal_fence(memory_order_seq_cst);
  sm.is_frozen = true;
}

void lab_sampler_thaw(void) {
  sm.is_frozen = false;
}

void lab_sampler_resume(uint32_t label) {
  sm.label = label;
  sm.preempt = 0;
}

void lab_sampler_label(uint32_t label) {
  sm.label = label;
}
