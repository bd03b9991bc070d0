/* SPDX-License-Identifier: MIT
 * See task.h.
 *
 * A coroutine that parks yields with lua_yieldk; when it is resumed the
 * continuation first looks whether it was cancelled meanwhile, and raises the
 * error that ends it. One that is running gets the same error from the hook. */
#include "vm/task.h"

#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/err.h"
#include "base/often.h"
#include "stack/stack.h"
#include "task/lock.h"
#include "trace/trace.h"
#include "vm/hook.h"
#include "vm/sampler.h"
#include "vm/traceback.h"
#include "vm/vm.h"
#include "vm/walk.h"

/* ---- starting tasks ------------------------------------------------------ */

/* A trace shows the whole stack. A goroutine dump shows only the caller of
 * lab.go, as in Go; to walk the rest would take longer than to start the task.
 */
static uint32_t walk_creator(lua_State *L) {
  return lab_trace_on() ? lab_walk(L, 0) : lab_walk_caller(L);
}

lab_lua_task *lab_lua_task_spawn(lab_vm *vm, lua_State *from, int nargs,
                                 uint32_t generation,
                                 const lab_lua_task_kind *kind) {
  lab_lua_task *t = lab_coroutine_with_function(from, nargs);
  /* Nothing below raises, so the task can't be lost. */
  t->nargs = (unsigned)nargs;
  t->kind = kind;
  if (kind->joined)
    lab_list_init(&t->joiners);
  t->base.generation = generation;
  lab_sched_look_ahead(vm->sched); /* a trace wants more of the stack */
  if (vm->running) {
    t->creator = vm->running->base.id;
    t->base.created_by = walk_creator(vm->running->co);
    t->base.label = vm->running->base.label;
    t->base.user_task = vm->running->base.user_task;
  }
  lab_task_start(vm->sched, &t->base);
  if (vm->spawns == LAB_SPAWNS_URGENT)
    lab_lua_task_set_own(vm, t, true);
  else if (vm->spawns == LAB_SPAWNS_HIDDEN)
    lab_task_hide(vm->sched, &t->base, true);
  vm->spawns = LAB_SPAWNS_USUAL;
  return t;
}

/* ---- where a task is ----------------------------------------------------- */

static uint32_t intern_task_entry(lua_State *co, int nargs) {
  int line;
  uint32_t id = lab_walk_function(co, -(nargs + 1), &line);
  lab_frame frame = lab_frame_script(id, line);
  return lab_stack_intern(&frame, 1);
}

uint32_t lab_lua_task_stack(const lab_task *base) {
  const lab_lua_task *t = LAB_CONTAINER(base, const lab_lua_task, base);
  lua_Debug ar;
  if (base->stack)
    return base->stack;
  if (lua_status(t->co) == LUA_OK && !lua_getstack(t->co, 0, &ar))
    return intern_task_entry(t->co, t->nargs);
  return lab_walk(t->co, 0);
}

/* ---- the end of a task --------------------------------------------------- */

lab_lua_task *lab_lua_task_of_handle(lua_State *L, int index) {
  const lab_task_handle *h = lua_touserdata(L, index);
  lua_getiuservalue(L, index, 1);
  lab_lua_task *t = lab_coroutine_task(lua_tothread(L, -1));
  lua_pop(L, 1);
  return t && t->base.id == h->id && t->base.state != LAB_TASK_ENDED ? t : NULL;
}

static void tell_joiners(lab_vm *vm, lab_lua_task *t) {
  while (!lab_list_empty(&t->joiners))
    lab_task_ready(vm->sched, LAB_CONTAINER(t->joiners.next, lab_task, link));
}

static void tell_owner(lab_lua_task *t) {
  if (t->owner)
    *t->owner = NULL;
}

/* Replaces the error object on top of the failed coroutine by a message with
 * its traceback. */
static int add_traceback(lua_State *L) {
  lua_State *co = lua_touserdata(L, 1);
  char memory[LAB_MEMORY_TEXT];
  if (lua_status(co) == LUA_ERRMEM) {
    lab_memory_error_text(lab_vm_of(L), co, memory, sizeof memory);
    lua_pushstring(L, memory);
  } else if (lua_isstring(co, -1)) {
    lua_pushvalue(co, -1);
    lua_xmove(co, L, 1);
  } else { /* no metamethods: nothing could interrupt them here */
    lua_pushfstring(L, "(error object is a %s value)", luaL_typename(co, -1));
  }
  lab_lua_push_traceback(L, co, -1, 0);
  return 1;
}

/* An error that is due to the step's limit needs memory for its text, too. */
static void describe_error(lab_vm *vm, lua_State *co) {
  lua_State *L = vm->L;
  lab_memory_lift(vm);
  lua_pushcfunction(L, add_traceback);
  lua_pushlightuserdata(L, co);
  if (lua_pcall(L, 1, 1, 0) == LUA_OK) {
    lua_xmove(L, co, 1);
  } else {
    lua_pop(L, 1); /* no memory for a traceback: the message stays alone */
  }
  lab_memory_impose(vm);
}

void lab_lua_log_failure(const char *what, const lab_lua_task *t) {
  char head[64];
  snprintf(head, sizeof head, "%s %llu failed: ", what,
           (unsigned long long)t->base.id);
  lab_log_often(head, lua_tostring(t->co, -1));
}

static void finish_task(lab_vm *vm, lab_lua_task *t, int status, int nresults) {
  if (status != LUA_OK) {
    if (!t->base.cancelled) /* there may be a million of those */
      describe_error(vm, t->co);
    nresults = 1;
  }
  lab_scope_leave_all(vm, t);
  if (t->own)
    lab_memory_count_own(vm, false);
  lab_over_note_end(vm, t);
  lab_task_end(vm->sched, &t->base);
  t->kind->ended(vm, t, status, nresults);
  if (t->kind->joined)
    tell_joiners(vm, t);
  else
    tell_owner(t);
  lab_coroutine_recycle(vm, t, status, nresults);
}

static lab_memory_asker find_asker(const lab_vm *vm, const lab_lua_task *t) {
  if (t->own)
    return LAB_MEMORY_OWN;
  if (t->switches)
    return LAB_MEMORY_SWITCH;
  return t->base.generation == vm->generation ||
                 t->base.generation == vm->preempt.next
             ? LAB_MEMORY_STEP
             : LAB_MEMORY_LEFT;
}

void lab_lua_task_set_own(lab_vm *vm, lab_lua_task *t, bool own) {
  if (t->own != own)
    lab_memory_count_own(vm, own);
  t->own = own;
  if (t == vm->running)
    lab_memory_begin_task(vm, find_asker(vm, t));
  lab_task_urge(vm->sched, &t->base, own);
  lab_task_hide(vm->sched, &t->base, own);
}

void lab_lua_task_set_generation(lab_vm *vm, uint32_t generation) {
  vm->running->base.generation = generation;
  if (vm->memory.watched)
    lab_memory_begin_task(vm, find_asker(vm, vm->running));
}

void lab_lua_task_resume(lab_task *base, void *arg) {
  lab_vm *vm = arg;
  lab_lua_task *t = lab_lua_task_of(base);
  lua_State *co = t->co;
  if (lab_over_defers(vm, t))
    return;
  int nargs = (int)t->nargs, nresults = 0;
  t->nargs = 0;
  vm->running = t;
  vm->spawns = LAB_SPAWNS_USUAL;
  lab_preempt_begin_slice(vm, t);
  lab_sampler_set_label(base->label);
  if (base->cancelled) /* also if a pcall has caught the error before */
    lab_hook_arm(co);
  bool watched = vm->memory.watched;
  if (watched)
    lab_memory_begin_task(vm, find_asker(vm, t));
  int status = lua_resume(co, vm->L, nargs, &nresults);
  if (watched || vm->memory.watched)
    lab_memory_end_task(vm);
  vm->running = NULL;
  if (status != LUA_YIELD) {
    finish_task(vm, t, status, nresults);
    return;
  }
  if (nresults > 0)
    lua_pop(co, nresults);
  /* All code that yields has parked the task or made it ready before. */
  LAB_ASSERT(base->state != LAB_TASK_RUNNING);
  if (base->cancelled) /* by itself or by a signal, just before it parked */
    lab_lua_task_cancel(vm, t);
}

/* ---- parking ------------------------------------------------------------- */

lab_lua_task *lab_lua_check_parkable(lua_State *L, const char *what) {
  if (!lab_lua_may_make_way(L))
    luaL_error(L,
               "can't %s here: a C function waits for this call (as table.sort "
               "does for its comparator)",
               what);
  return lab_vm_of(L)->running;
}

uint64_t lab_lua_check_seconds(lua_State *L, int arg) {
  double seconds = luaL_checknumber(L, arg);
  luaL_argcheck(L, seconds >= 0, arg, "seconds must not be negative");
  return (uint64_t)((seconds < 1e9 ? seconds : 1e9) * 1e9);
}

/* ---- giving up ----------------------------------------------------------- */

/* The lock is the first argument of the function in which the task is parked
 * (lualib/sync.c). */
void lab_lua_task_give_up(lab_task *base, void *arg) {
  lab_vm *vm = arg;
  void *lock = lua_touserdata(lab_lua_task_of(base)->co, 1);
  if (base->wait == LAB_WAIT_MUTEX)
    lab_mutex_give_up(vm->sched, lock, base);
  else if (base->wait == LAB_WAIT_RLOCK || base->wait == LAB_WAIT_WLOCK)
    lab_rwmutex_give_up(vm->sched, lock, base);
}

/* A task that is ready to run gets the error from the hook, which is armed when
 * it is resumed. */
void lab_lua_task_cancel(lab_vm *vm, lab_lua_task *t) {
  t->base.cancelled = true;
  if (!t->job && t->base.state == LAB_TASK_WAITING)
    lab_task_give_up(vm->sched, &t->base);
  else if (t->job && vm->workers)
    lab_workers_cancel(vm->workers, t->job);
}

bool lab_lua_task_cancel_of(lab_vm *vm, lab_lua_task *t, uint32_t generation) {
  if (t->base.generation != generation || t->base.cancelled || t == vm->running)
    return false;
  lab_lua_task_cancel(vm, t);
  return true;
}

unsigned lab_lua_task_cancel_all(lab_vm *vm, uint32_t generation,
                                 unsigned most) {
  unsigned n = 0;
  const lab_list *all = lab_sched_tasks(vm->sched);
  for (lab_list *l = all->next; l != all && n < most; l = l->next) {
    lab_lua_task *t = lab_lua_task_at(l);
    if (!t->kind->serves && t != vm->finalizers.task)
      n += lab_lua_task_cancel_of(vm, t, generation);
  }
  return n;
}

void lab_lua_task_cancel_jobs(lab_vm *vm) {
  const lab_list *all = lab_sched_tasks(vm->sched);
  for (lab_list *l = all->next; l != all; l = l->next) {
    lab_lua_task *t = lab_lua_task_at(l);
    if (t->job)
      atomic_store(&t->job->cancelled, true);
  }
}

void lab_lua_task_drop_all(lab_vm *vm) {
  const lab_list *all = lab_sched_tasks(vm->sched);
  while (!lab_list_empty(all)) {
    lab_lua_task *t = lab_lua_task_at(all->next);
    lab_task_end(vm->sched, &t->base);
    if (t->kind->joined)
      lab_list_remove(&t->joiners); /* those who wait are dropped, too */
    else
      tell_owner(t);
    lab_coroutine_free_task(t); /* lua_close frees the coroutine */
  }
  lab_scope_free_all(vm);
  lab_coroutine_free_all(vm);
}
