/* SPDX-License-Identifier: MIT
 * The SIGPROF handler, and how samples get from it, and from the VM, into the
 * ring of their thread. */
#ifndef LAB_PROF_CPU_SIGNAL_H
#define LAB_PROF_CPU_SIGNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "stack/unwind.h"

/* ---- the VM's part ------------------------------------------------------- */

typedef struct lab_cpu_vm {
  /* In the signal handler, on the thread that called lab_cpu_set_vm. Returns
   * true if it took the sample: it will emit it later, or has done so. False:
   * no Lua is running, treat the thread like any other. errno is already
   * saved. */
  bool (*signal)(const void *ucontext, uint32_t weight);
  /* On other threads: the weight still pending. It must fall after the sample
   * was emitted, not before. */
  uint32_t (*pending)(void);
  /* For what is still pending when a session ends, because a C function doesn't
   * return. `look` is called in a signal handler on the VM's thread, `name` on
   * another thread, one after the other, until nothing is pending or the
   * profiler has no more patience. `look` may emit samples. NULL: both are
   * missing. */
  void (*look)(const void *ucontext);
  void (*name)(void);
  /* The weight of signals that were skipped, for which the next sample was to
   * stand; it isn't pending any more. On another thread, when no more signals
   * come and no handler is at work. NULL: none is skipped. */
  uint32_t (*give_up)(void);
} lab_cpu_vm;

/* A finished sample of the calling thread; at most LAB_UNWIND_MAX frames. May
 * be called in the signal handler and outside; outside, a SIGPROF that arrives
 * meanwhile is counted as lost. Async-signal-safe. */
void lab_cpu_emit(const lab_frame *native, size_t n, uint32_t base,
                  uint32_t label, uint32_t weight);
/* Counts WEIGHT of this thread as lost. Async-signal-safe. */
void lab_cpu_lost(uint32_t weight);
/* True while any session runs. Any thread, async-signal-safe. */
bool lab_cpu_active(void);

/* ---- inside src/prof ----------------------------------------------------- */

typedef struct lab_cpu_thread lab_cpu_thread; /* prof/cpu_thread.h */

/* Installs the handler. 0 or negative errno. */
int lab_cpu_signal_init(void);
/* Whether any session runs: see lab_cpu_active. */
void lab_cpu_set_active(bool active);
/* The calling thread's state, or NULL. Async-signal-safe. */
lab_cpu_thread *lab_cpu_self(void);
/* Has lab_cpu_vm.look called on T's thread, the VM's. Under lab_cpu_lock. */
void lab_cpu_ask_look(lab_cpu_thread *t);

#endif
