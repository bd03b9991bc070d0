/* SPDX-License-Identifier: MIT
 * Preemption: time slices, and interruptions of a task that keeps the VM.
 *
 * Every 10 ms of its CPU time the VM's thread gets SIGURG. The handler arms the
 * hook (hook.h), which parks the running task at the next Lua instruction if
 * others wait. The same signal and the same hook serve interruptions: the
 * control thread wants the running code to end, and the hook raises an error in
 * it. Code that is in C notices neither before it returns; then all that can be
 * told is the C function's name. */
#ifndef LAB_VM_PREEMPT_H
#define LAB_VM_PREEMPT_H

#include <lua.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct lab_vm lab_vm;
struct lab_lua_task;

typedef struct lab_preempt {
  /* An interruption is wanted: [false] of tasks, [true] of the task that
   * switches steps. */
  atomic_bool interrupt[2];
  atomic_bool in_switch;         /* that task was the last to be resumed */
  uint64_t cpu_when_interrupted; /* ns of the VM's thread */
} lab_preempt;

/* The calling thread runs VM from now on: its time slices begin. 0 or negative
 * errno. Detach: it runs none any more. */
int lab_preempt_attach(lab_vm *vm);
void lab_preempt_detach(void);
/* T is about to be resumed: its slice begins. */
void lab_preempt_begin_slice(lab_vm *vm, const struct lab_lua_task *t);

/* If the running task was cancelled, raises the error that ends it. A function
 * that parks a task yields with lua_yieldk, and its continuation calls this
 * first. */
void lab_lua_check_cancelled(lua_State *L);

/* ---- interruptions: any thread, unless it says otherwise ------------------
 */

/* The running task gets an error at its next Lua instruction; SWITCHES: also
 * one that switches steps. Until clear. */
void lab_preempt_interrupt(lab_vm *vm, bool switches);
/* VM's thread. */
void lab_preempt_clear(lab_vm *vm);
/* Whether what runs now is interrupted: for a long C function to look at. VM's
 * thread, also in a signal handler. */
const atomic_bool *lab_preempt_interruption(const lab_vm *vm);
/* The task that switches steps was the last to be resumed. */
bool lab_preempt_is_in_switch(lab_vm *vm);

/* Asks for the C function in which the VM's thread is; a few milliseconds later
 * where has its name, for a message: "C code or a finalizer" if it is unknown.
 */
void lab_preempt_ask_where(lab_vm *vm);
void lab_preempt_where(char *out, size_t size);
/* Why the VM took no notice of the last interruption, as a sentence about WHO:
 * "a task is in str_find, which can't be interrupted"; or that other programs
 * keep its thread from running. */
void lab_preempt_obstacle(const lab_vm *vm, const char *who, char *out,
                          size_t size);

#endif
