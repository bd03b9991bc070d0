/* SPDX-License-Identifier: MIT
 * Preemption: time slices, and interruptions of a task that keeps the VM.
 *
 * Every 10 ms of its CPU time the VM's thread gets SIGURG. The handler arms the
 * hook (hook.h), which parks the running task at the next Lua instruction if
 * others wait. The same signal and the same hook serve interruptions: when the
 * control thread wants the running code to end, the hook raises an error in it.
 * C code notices neither until it returns, or looks around (the lab's long
 * functions and Lua's do). Until then the name of the C function is all that
 * can be told.
 *
 * Threads: the VM's, unless it says otherwise. */
#ifndef LAB_VM_PREEMPT_H
#define LAB_VM_PREEMPT_H

#include <lua.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct lab_vm lab_vm;
struct lab_lua_task;

typedef struct lab_preempt {
  /* What is to be interrupted: [false] tasks; [true] the task that switches
   * steps, and those of the step that it reads or enters. */
  atomic_bool interrupt[2];
  uint32_t next;         /* the generation of that step; 0: there is none */
  atomic_bool in_switch; /* that task was the last to be resumed */
  uint64_t cpu_when_interrupted; /* ns of the VM's thread */
} lab_preempt;

/* The calling thread runs VM from now on, and its time slices begin. 0, or a
 * negative errno, and there are no slices. Detach: it no longer does. */
int lab_preempt_attach(lab_vm *vm);
void lab_preempt_detach(void);
/* T is about to be resumed: its slice begins. */
void lab_preempt_begin_slice(lab_vm *vm, const struct lab_lua_task *t);

/* If the running task was cancelled, raises the error that ends it (in a state
 * without a VM it does nothing). A function
 * that parks a task yields with lua_yieldk, and its continuation calls this
 * first. */
void lab_lua_check_cancelled(lua_State *L);

/* Not 0: the running task was cancelled, so it is worthwhile to call that. It
 * may be set 10 ms late. Lua on other threads reads it, too. */
extern atomic_int lab_preempt_ending;

/* For a long C function of a task. Look_around, every few thousand steps:
 * raises if the task was cancelled, and lets a CPU profile have the samples of
 * the function so far; in a state without a VM it calls the state's hook, with
 * the event LUA_HOOKCOUNT. When the time slice is over it should make way,
 * which is possible only where may_make_way says so. make_way: the task stays
 * runnable, and K goes on with CTX when it has its next turn. */
void lab_lua_look_around(lua_State *L);
bool lab_preempt_is_slice_over(void);
bool lab_lua_may_make_way(lua_State *L);
int lab_lua_make_way(lua_State *L, lua_KContext ctx, lua_KFunction k);

/* ---- interruptions: any thread, unless it says otherwise ------------------
 */

/* The running task gets an error at its next Lua instruction; SWITCHES: also
 * one that switches steps, and those of the next step. Until clear. */
void lab_preempt_interrupt(lab_vm *vm, bool switches);
/* Tasks of GENERATION are those of the next step: a switch that is in a hurry
 * to leave the present one needs them. 0: there is none. VM's thread. */
void lab_preempt_set_next(lab_vm *vm, uint32_t generation);
/* The interruption is over. Spare_switches: only for the task that switches
 * steps, and those of the next step. VM's thread. */
void lab_preempt_clear(lab_vm *vm);
void lab_preempt_spare_switches(lab_vm *vm);
/* A flag that is true while the code that runs now is to be interrupted. A long
 * C function looks at it. VM's thread, also in a signal handler. */
const atomic_bool *lab_preempt_interruption(const lab_vm *vm);
/* The task that switches steps was the last to be resumed. */
bool lab_preempt_is_in_switch(lab_vm *vm);

/* The last interruption found code in the VM that is neither the lab's nor
 * Lua's: it may never come to an end. */
bool lab_preempt_is_foreign(void);

/* Asks for the C function that the VM's thread is in. A few milliseconds later
 * lab_preempt_where writes its name, for a message; "C code" if
 * it is unknown. */
void lab_preempt_ask_where(lab_vm *vm);
void lab_preempt_where(char *out, size_t size);
/* CPU time of the VM's thread, in ns. */
uint64_t lab_preempt_cpu(const lab_vm *vm);
/* The VM's thread has run for less than 10 ms since the last interruption, so
 * it has had no chance to take notice: the machine is busy, or the thread waits
 * in the kernel. */
bool lab_preempt_is_starved(const lab_vm *vm);
/* Writes why the last interruption has had no effect yet, as a sentence about
 * WHO: "a task is in str_find, which can't be interrupted"; or that other
 * programs keep the VM's thread from running. */
void lab_preempt_obstacle(const lab_vm *vm, const char *who, char *out,
                          size_t size);

#endif
