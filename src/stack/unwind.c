/* SPDX-License-Identifier: MIT
 * See unwind.h.
 *
 * _Unwind_Backtrace walks from this file, through the signal handler and the
 * kernel's trampoline, into the interrupted code. So the walk for a signal
 * skips all frames until it comes to the interrupted instruction.
 *
 * The walk ends at code without an unwind table. The kernel's vDSO has such
 * code (vdso.h): assembly that uses no stack. If it was interrupted, the walk
 * begins at its caller, which is made to look like the interrupted code while
 * the walk lasts.
 *
 * Frame pointers would be ten times faster, but libc is built without: a leaf
 * in memcpy or read would lose its caller, and most samples have such leaves.
 */
#include "stack/unwind.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <ucontext.h>
#include <unwind.h>

#include "base/err.h"
#include "stack/vdso.h"

enum { MAX_ENDS = 16 };

static uintptr_t ends[MAX_ENDS];
static atomic_uint nends;

typedef struct walk {
  lab_frame *out;
  size_t n, max;
  uintptr_t from; /* skip frames until this instruction; 0: don't */
  size_t skip;    /* then skip as many more */
  bool stop_at_lua;
  lab_code stopped;
} walk;

static bool is_end(struct _Unwind_Context *context) {
  uintptr_t start = _Unwind_GetRegionStart(context);
  unsigned n = atomic_load_explicit(&nends, memory_order_acquire);
  for (unsigned i = 0; i < n; i++)
    if (ends[i] == start)
      return true;
  return false;
}

static bool is_lua_frame(walk *w, uintptr_t pc) {
  lab_code code = lab_code_class(pc);
  if (code != LAB_CODE_LUA_VM && code != LAB_CODE_LUA_CALL)
    return false;
  w->stopped = code;
  return true;
}

static _Unwind_Reason_Code visit_frame(struct _Unwind_Context *context,
                                       void *arg) {
  walk *w = arg;
  int exact; /* ip is an instruction, not a return address */
  uintptr_t ip = _Unwind_GetIPInfo(context, &exact);
  if (w->from && ip != w->from)
    return _URC_NO_REASON;
  if (w->from) {
    exact = 1;
    w->from = 0;
  }
  if (w->skip > 0) {
    w->skip--;
    return _URC_NO_REASON;
  }
  uintptr_t pc = ip - !exact;
  if (lab_vdso_is_helper(pc))
    return _URC_NO_REASON;
  if (ip == 0 || is_end(context) || (w->stop_at_lua && is_lua_frame(w, pc)))
    return _URC_END_OF_STACK;
  if (w->n == w->max) {
    w->out[w->max - 1] = lab_frame_left_out(0);
    return _URC_END_OF_STACK;
  }
  /* Outer frames are return addresses. One that was interrupted by a second
   * signal isn't, but is written like one. */
  w->out[w->n] = w->n == 0 ? pc : pc + 1;
  w->n++;
  return _URC_NO_REASON;
}

/* Where the context of a signal keeps the program counter, and the stack
 * pointer or what else a call changes. */
typedef struct registers {
  uintptr_t pc, sp;
} registers;

static registers get_registers(const ucontext_t *uc) {
#if defined(__x86_64__)
  return (registers){(uintptr_t)uc->uc_mcontext.gregs[REG_RIP],
                     (uintptr_t)uc->uc_mcontext.gregs[REG_RSP]};
#elif defined(__aarch64__)
  return (registers){uc->uc_mcontext.pc, uc->uc_mcontext.sp};
#else
#error "where does a ucontext_t keep the program counter?"
#endif
}

static void set_registers(ucontext_t *uc, registers r) {
#if defined(__x86_64__)
  uc->uc_mcontext.gregs[REG_RIP] = (greg_t)r.pc;
  uc->uc_mcontext.gregs[REG_RSP] = (greg_t)r.sp;
#elif defined(__aarch64__)
  uc->uc_mcontext.pc = r.pc;
  uc->uc_mcontext.sp = r.sp;
#endif
}

/* The registers as they will be when a function that has used no stack has
 * returned. */
static registers get_returned_registers(const ucontext_t *uc) {
  registers r = get_registers(uc);
#if defined(__x86_64__)
  return (registers){*(const uintptr_t *)r.sp, r.sp + sizeof(uintptr_t)};
#elif defined(__aarch64__)
  return (registers){uc->uc_mcontext.regs[30], r.sp};
#endif
}

static bool has_unwind_table(uintptr_t pc) {
  return _Unwind_FindEnclosingFunction((void *)(pc + 1)) != NULL;
}

/* If code of the vDSO without an unwind table was interrupted, makes the
 * context one of its caller's, if that is the vDSO's, too. */
static bool leave_vdso_helper(ucontext_t *uc) {
  uintptr_t pc = get_registers(uc).pc;
  if (!lab_vdso_is_helper(pc) || has_unwind_table(pc))
    return false;
  registers returned = get_returned_registers(uc);
  if (!lab_vdso_name(returned.pc) || !has_unwind_table(returned.pc))
    return false;
  set_registers(uc, returned);
  return true;
}

size_t lab_unwind_signal(const void *ucontext, lab_frame *out, size_t max,
                         bool stop_at_lua, lab_code *stopped) {
  ucontext_t *uc = (ucontext_t *)ucontext; /* changed and restored */
  registers before = get_registers(uc);
  bool left = leave_vdso_helper(uc);
  uintptr_t pc = get_registers(uc).pc;
  walk w = {.out = out, .max = max, .from = pc, .stop_at_lua = stop_at_lua};
  if (max > 0 && !(stop_at_lua && is_lua_frame(&w, pc)))
    _Unwind_Backtrace(visit_frame, &w);
  if (left)
    set_registers(uc, before);
  bool is_lost = w.from || (w.n == 0 && lab_vdso_is_helper(pc));
  if (is_lost && w.stopped == LAB_CODE_OTHER && max > 0)
    out[w.n++] = pc; /* the walk didn't get there, but the leaf is known */
  if (stopped)
    *stopped = w.stopped;
  return w.n;
}

__attribute__((noinline)) size_t
lab_unwind_here(lab_frame *out, size_t max, size_t skip, bool stop_at_lua) {
  /* 2: this function and the one that called it */
  walk w = {
      .out = out, .max = max, .skip = skip + 2, .stop_at_lua = stop_at_lua};
  if (max > 0)
    _Unwind_Backtrace(visit_frame, &w);
  return w.n;
}

void lab_unwind_end_at(const void *start) {
  unsigned n = atomic_load_explicit(&nends, memory_order_relaxed);
  for (unsigned i = 0; i < n; i++)
    if (ends[i] == (uintptr_t)start)
      return;
  LAB_ASSERT(n < MAX_ENDS);
  ends[n] = (uintptr_t)start;
  atomic_store_explicit(&nends, n + 1, memory_order_release);
}

int lab_unwind_init(void) {
  /* With it, libdw would ask servers on the network for debug information. The
   * environment can be changed only now, while there is one thread. */
  unsetenv("DEBUGINFOD_URLS");
  lab_vdso_init();
  lab_frame_left_out(0); /* a signal handler can't be the first to make it */
  int rc = lab_codemap_init();
  /* The first walk resolves libgcc's own lazy symbols, which takes a lock;
   * later walks take none. */
  lab_frame frames[LAB_UNWIND_MAX];
  lab_unwind_here(frames, LAB_UNWIND_MAX, 0, false);
  return rc;
}
