/* SPDX-License-Identifier: MIT
 * The application: a Lua VM with its library, its profiles and its scenarios,
 * put together. This module only composes: vm, resources, inspect, lualib and
 * scenario do the work, and what is asked of them is in their headers
 * (scenario/request.h, scenario/switches.h, inspect/...).
 *
 * One VM per process at a time: see vm/vm.h.
 *
 * Threads: the control thread, except where it says "any". */
#ifndef LAB_SCRIPT_SCRIPT_H
#define LAB_SCRIPT_SCRIPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "resources/errand.h"
#include "scenario/scenario.h"
#include "vm/inbox.h"

/* Lets the profilers see Lua. Once, before lab_vm_new. */
void lab_vm_init_profiles(void);

typedef struct lab_vm_config {
  lab_scenario_config scenario;
  unsigned workers;             /* worker threads; 0 = one per processor */
  const lab_services *services; /* must stay; NULL: there are none */
  uint64_t flight_ns;  /* what the flight recorder keeps; 0: it is off */
  size_t flight_bytes; /* its memory, at most */
  /* Any thread: answers wait for lab_vm_collect. Must not block. */
  void (*wake)(void *arg);
  void *arg;
} lab_vm_config;

/* Makes the VM and its thread, with no step yet: lab_switch_send selects one.
 * 0, or a negative errno and ERR; -EBUSY if there is a VM in this process. */
int lab_vm_new(lab_vm **out, const lab_vm_config *config, lab_err *err);
/* Ends all tasks, joins the threads, frees everything. Calls that were not
 * answered are answered first, with 503. Returns false, and leaves everything
 * as it is, if the VM sits in C code that can't be interrupted for longer than
 * TIMEOUT_MS: then the process can only exit. */
bool lab_vm_free(lab_vm *vm, unsigned timeout_ms);
/* The process exits although that failed: removes what scenarios have on disk.
 */
void lab_vm_abandon(lab_vm *vm);

/* Does what the VM has ordered, and calls `answered` of all calls that have
 * their answer. Call it after `wake`. */
void lab_vm_collect(lab_vm *vm);
/* Wakes the VM if requests were sent (lab_request_send): once per round of the
 * loop. */
void lab_vm_kick(lab_vm *vm);

/* A full collection (heap?gc=1). DONE, when it is answered: all that was
 * garbage is gone. If not, a switch of steps was in more of a hurry. */
typedef struct lab_collection {
  lab_call call;
  bool done;
} lab_collection;
void lab_vm_collect_garbage(lab_vm *vm, lab_collection *c);

#endif
