/* SPDX-License-Identifier: MIT
 * What a trace and the flight recorder tell of tasks: stacks, functions, why a
 * task waits.
 *
 * Threads: the VM's, but for configure. */
#ifndef LAB_INSPECT_TRACE_STACKS_H
#define LAB_INSPECT_TRACE_STACKS_H

#include <stdbool.h>
#include <stdint.h>

#include "trace/trace.h"
#include "vm/task.h"

/* Stacks of one pseudo function. */
typedef struct lab_trace_pseudo_stacks {
  uint32_t timer, worker, network, task_end, wakeup;
} lab_trace_pseudo_stacks;
extern lab_trace_pseudo_stacks lab_trace_pseudo;

void lab_trace_stacks_init(void);
/* Fills in the stacks and the remark of CONFIG. Any thread. */
void lab_trace_configure(lab_trace_config *config);

/* The stack of the Lua code that runs now, or 0. */
uint32_t lab_trace_walk_running(void);
/* The id of the function of which T is a call, or 0. STACK: where T is, or 0 if
 * it has not begun. */
uint32_t lab_trace_find_function(const lab_lua_task *t, uint32_t stack);
/* A stack of one frame, the place where FUNC is defined: goroutines are grouped
 * by it. 0 for 0. */
uint32_t lab_trace_entry_stack(uint32_t func);
/* The stack of what makes TASK runnable now. */
uint32_t lab_trace_find_waker(const lab_task *task);
/* As lab_task_due; 0: it isn't known. */
uint64_t lab_trace_find_due(const lab_task *task);
/* Whether the running task makes way because its slice is over, and not by its
 * own call. */
bool lab_trace_was_preempted(void);
/* Where T is, which doesn't run; 0: it has not begun. */
uint32_t lab_trace_find_stack(lab_lua_task *t);
/* HeapAlloc at which the next cycle begins, as it was planned at the end of the
 * last one. */
uint64_t lab_trace_next_gc(void);

#endif
