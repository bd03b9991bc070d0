/* SPDX-License-Identifier: MIT
 * The application: one Lua VM on a thread of its own, the scenarios it runs,
 * and the way requests get in and answers out. The only module that includes
 * lua.h; this header doesn't.
 *
 * Threads: the control thread, except where it says "any". */
#ifndef LAB_SCRIPT_SCRIPT_H
#define LAB_SCRIPT_SCRIPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "prof/registry.h"
#include "task/sched.h"
#include "task/worker.h"
#include "trace/trace.h"

typedef struct lab_vm lab_vm;

/* Lets the profilers see Lua. Once, before lab_vm_new. */
void lab_vm_init_profiles(void);

typedef struct lab_vm_config {
  const char *const *scenario_dirs; /* in order of preference; copied */
  size_t nscenario_dirs;
  const char *const *params; /* "N.key=value", checked; copied */
  size_t nparams;
  const char *lua_dir; /* where lua/main.lua can be read by tools, or NULL */
  unsigned workers;    /* worker threads; 0 = one per processor */
  /* Any thread: answers wait for lab_vm_collect. Must not block. */
  void (*wake)(void *arg);
  void *arg;
} lab_vm_config;

/* Makes the VM and its thread, in step 0. */
int lab_vm_new(lab_vm **out, const lab_vm_config *config, lab_err *err);

/* Ends all tasks, joins the threads, frees everything. Exchanges that were not
 * answered are answered with 503 first. Returns false, and leaves everything
 * as it is, if the VM sits in C code that can't be interrupted for longer
 * than TIMEOUT_MS: then all one can do is exit. */
bool lab_vm_free(lab_vm *vm, unsigned timeout_ms);

/* One request on its way through the VM. The caller fills the first part, keeps
 * everything it points to until `answered` was called, and then owns the
 * second part (both buffers are the caller's to free). */
typedef struct lab_exchange {
  const char *method;
  const char *path;
  const char *query; /* raw, "" if there is none */
  const char *body;
  size_t method_len, path_len, query_len, body_len;
  void (*answered)(struct lab_exchange *x); /* from lab_vm_collect */
  void *user;

  int status;
  char content_type[128];
  lab_buf headers; /* further ones, "Name: value\r\n" each */
  lab_buf reply;

  lab_post post;    /* the rest belongs to the VM */
  atomic_int phase; /* lab_exchange_phase */
  lab_vm *vm;
  struct lab_lua_task *task; /* a request: what serves it */
  lab_list link;             /* a request with a task: in vm->requests */
  uint64_t started;          /* mono ns */
  int step; /* goto: where to; a request: the step that served it */
} lab_exchange;

/* Runs X through main.helloWorldHandler (path "/") or the step's route. The VM
 * may sleep on until lab_vm_kick: call that once per round of the loop. */
void lab_vm_request(lab_vm *vm, lab_exchange *x);
void lab_vm_kick(lab_vm *vm);
/* True if the present step serves PATH besides "/". */
bool lab_vm_has_route(lab_vm *vm, const char *path, size_t len);

/* Switches to STEP with the parameters in x->query ("step" is left out).
 * Answers: 200 "switched to step N", 400 for an unknown step or parameter, 500
 * when the scenario is broken (then step 0 is active), 503 if it was pushed
 * aside by a later switch. */
void lab_vm_goto(lab_vm *vm, lab_exchange *x, int step);

/* For a goto that takes too long. Interrupt: whatever Lua code is running gets
 * an error at its next instruction, so do requests that stand ready behind it,
 * and a switch that is under way is cut short; interrupt_step spares the
 * switch. Withdraw: if the VM has not begun with X it never will; writes what
 * the VM is busy with into WHY and returns true. X is still the VM's until
 * `answered`, with a status of 0. */
void lab_vm_interrupt(lab_vm *vm);
void lab_vm_interrupt_step(lab_vm *vm);
bool lab_vm_withdraw(lab_vm *vm, lab_exchange *x, lab_err *why);
/* True if the VM took no notice of the last interruption, since something else
 * than the switch to X keeps it; WHY says what. */
bool lab_vm_stuck(lab_vm *vm, const lab_exchange *x, lab_err *why);
/* The step before is left, so it is the new one that takes its time. */
bool lab_vm_is_entering(const lab_exchange *x);

/* Runs a full collection, then answers (heap?gc=1). */
void lab_vm_collect_garbage(lab_vm *vm, lab_exchange *x);

/* Takes a picture of all tasks, as they are when the VM gets to it: R's
 * snapshot will be a lab_goroutines (prof/goroutine.h). It waits for as long as
 * the VM sits in C code. Not once the lab is stopping (lab_web_stop). */
void lab_vm_survey(lab_vm *vm, lab_profile_request *r);
/* Begins a trace (trace/trace.h) of at most MAX_EVENTS (0: the default); it
 * starts once lab_trace_started, when the VM has time for a look at all tasks.
 * -EBUSY while there is one, or the VM hasn't yet heard of the last one's end.
 */
int lab_vm_trace_begin(lab_vm *vm, uint64_t max_events);
/* Seals it, now, and tells the VM. lab_trace_close is the caller's. */
void lab_vm_trace_end(lab_vm *vm);
/* Names for lab_trace_tables. Slow; not on the control thread. */
size_t lab_vm_trace_name(uint32_t stack, lab_trace_frame *out);
/* Where the VM's thread is, if it sits in C code: ask, and a few milliseconds
 * later have the function's name. */
void lab_vm_ask_where(lab_vm *vm);
void lab_vm_where(lab_vm *vm, char *out, size_t size);

/* Calls `answered` of all exchanges that have their answer. Call it on the
 * control thread after `wake`. */
void lab_vm_collect(lab_vm *vm);

/* ---- what the VM is doing: any thread, and it never waits for Lua --------
 */

typedef struct lab_vm_state {
  int step;
  char slug[64];
  uint64_t since;      /* when the step was entered, ns since 1970 */
  lab_buf title;       /* may be empty */
  lab_buf params;      /* a JSON object: what self.params holds */
  size_t memory_limit; /* bytes that the step may have */
  unsigned fd_limit;   /* descriptors likewise; 0 = the process's limit */
  size_t queued;       /* requests that the VM has not looked at yet */
  size_t tasks;        /* all; those that ... */
  size_t running, runnable, waiting[LAB_WAIT_KINDS];
  lab_workers_load workers;
} lab_vm_state;

/* Fills in OUT, for lab_vm_state_free. */
void lab_vm_read(lab_vm *vm, lab_vm_state *out);
void lab_vm_state_free(lab_vm_state *state);

int lab_vm_step(lab_vm *vm);
lab_sched *lab_vm_sched(lab_vm *vm);

#endif
