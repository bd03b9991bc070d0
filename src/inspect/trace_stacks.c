/* SPDX-License-Identifier: MIT
 * See trace_stacks.h. */
#include "inspect/trace_stacks.h"

#include <lua.h>

#include "mem/memstats.h"
#include "prof/attempt.h"
#include "prof/export.h"
#include "stack/stack.h"
#include "vm/stack_cache.h"
#include "vm/trace_why.h"
#include "vm/vm.h"
#include "vm/walk.h"

enum { ENTRIES = 64 }; /* a power of two */

lab_trace_pseudo_stacks lab_trace_pseudo;

/* The stack of one frame for a function, by its id: (id, stack). */
static uint32_t entries[ENTRIES][2];

void lab_trace_stacks_init(void) {
  lab_trace_pseudo.timer = lab_export_pseudo("[timer]");
  lab_trace_pseudo.worker = lab_export_pseudo("[worker]");
  lab_trace_pseudo.network = lab_export_pseudo("[network]");
  lab_trace_pseudo.task_end = lab_export_pseudo("[end of a task]");
  lab_trace_pseudo.wakeup = lab_export_pseudo("[wake-up]");
}

void lab_trace_configure(lab_trace_config *config) {
  config->worker = lab_export_pseudo("[worker]");
  config->start = lab_export_pseudo("[lab]");
  config->wakeup = lab_export_pseudo("[wake-up]");
  lab_attempt_write(lab_attempt_now().id, config->remark);
}

/* The stack of the Lua code that runs now, or 0. */
uint32_t lab_trace_walk_running(void) {
  return lab_resumed_top ? lab_walk(lab_resumed_top->L, 0) : 0;
}

/* Goroutines are grouped by the place where their function is defined. */
uint32_t lab_trace_entry_stack(uint32_t func) {
  if (!func)
    return 0;
  uint32_t *entry = entries[func % ENTRIES];
  if (entry[0] != func || !lab_stack_keep(entry[1])) {
    const lab_func *f = lab_func_get(func);
    lab_frame frame = lab_frame_script(func, f ? f->line : 0);
    entry[0] = func;
    entry[1] = lab_stack_intern(&frame, 1);
  }
  return entry[1];
}

/* The last function that was found by its address, and when. */
static struct {
  const void *at;
  uint32_t age, func;
} last;

/* The function that T will call, for a task that has not begun: it is at the
 * bottom of its stack. */
static uint32_t find_first_function(const lab_lua_task *t) {
  int line;
  if (lua_gettop(t->co) == 0 || !lua_isfunction(t->co, 1))
    return 0;
  const void *at = lua_topointer(t->co, 1);
  if (at != last.at || last.age != lab_stack_cache_age()) {
    last.func = lab_walk_function(t->co, 1, &line);
    last.at = at;
    last.age = lab_stack_cache_age();
  }
  return last.func;
}

/* The outermost function of a stack that was taken while the task ran. */
static uint32_t find_last_function(uint32_t stack) {
  const lab_frame *frames;
  size_t n = lab_stack_frames(stack, &frames);
  return n && lab_frame_is_script(frames[n - 1]) ? lab_frame_func(frames[n - 1])
                                                 : 0;
}

/* A timer that sleeps has the stack of its creator, but is called by its own
 * function: the innermost one there. */
static uint32_t find_timer_function(uint32_t stack) {
  const lab_frame *frames;
  return lab_stack_frames(stack, &frames) ? lab_frame_func(frames[0]) : 0;
}

uint32_t lab_trace_find_function(const lab_lua_task *t, uint32_t stack) {
  if (!stack && t->base.state == LAB_TASK_RUNNING)
    return 0; /* it has ended: what it returns is on its Lua stack */
  if (stack && stack == t->base.created_by)
    return find_timer_function(stack);
  return stack ? find_last_function(stack) : find_first_function(t);
}

/* What woke a task that no other task woke: a stack. */
static uint32_t find_wakeup(const lab_task *task) {
  if (task->expired)
    return lab_trace_pseudo.timer;
  switch ((lab_wait)task->wait) {
  case LAB_WAIT_SLEEP:
    return lab_trace_pseudo.timer;
  case LAB_WAIT_WORKER:
    return lab_trace_pseudo.worker;
  case LAB_WAIT_NET:
    return lab_trace_pseudo.network;
  case LAB_WAIT_JOIN:
    return lab_trace_pseudo.task_end;
  default:
    return lab_trace_pseudo.wakeup;
  }
}

/* What gives up since its time is over may do so while another task runs. */
uint32_t lab_trace_find_waker(const lab_task *task) {
  bool by_itself = task->expired || task->wait == LAB_WAIT_WORKER;
  uint32_t waker = by_itself ? 0 : lab_trace_walk_running();
  return waker ? waker : find_wakeup(task);
}

uint64_t lab_trace_find_due(const lab_task *task) {
  uint64_t due = lab_task_due(task);
  return due < UINT64_MAX ? due : 0;
}

/* If its slice is over the hook interrupted Lua code. */
bool lab_trace_was_preempted(void) {
  lua_Debug ar;
  lua_State *L = lab_resumed_top ? lab_resumed_top->L : NULL;
  bool own = L && lua_getstack(L, 0, &ar) && lua_getinfo(L, "S", &ar) &&
             ar.what[0] == 'C';
  return !own;
}

uint32_t lab_trace_find_stack(lab_lua_task *t) {
  if (lua_status(t->co) != LUA_YIELD)
    return 0; /* it has not begun */
  return t->base.stack
             ? t->base.stack
             : lab_walk(t->co, 0); /* it made way when its slice was over */
}

uint64_t lab_trace_next_gc(void) {
  lab_memstats stats;
  lab_memstats_read(&stats);
  return stats.next_gc;
}
