/* SPDX-License-Identifier: MIT
 * Tasks as coroutines: spawn, resume, park, cancel.
 *
 * A coroutine that parks yields with lua_yieldk; when it is resumed the
 * continuation first looks whether it was cancelled meanwhile, and raises the
 * error that ends it. One that is running gets the same error from the
 * sampler's hook. One whose job is on a worker is resumed when the job is done:
 * nobody frees memory that a worker still uses.
 *
 * Threads: the VM's. */
#include "script/vm.h"

#include <lualib.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/err.h"
#include "base/often.h"
#include "mem/mem.h"
#include "script/lualayout.h"
#include "script/told.h"
#include "trace/trace.h"

enum { IDLE_MAX = 256 };

/* ---- keeping coroutines alive -------------------------------------------- */

/* The coroutine on top of L is kept until lab_lua_task's ref is given up. They
 * are in a table of their own, not in the registry: tables never shrink. */
static int anchor(lab_vm *vm, lua_State *L) {
  lua_rawgeti(L, LUA_REGISTRYINDEX, vm->anchors);
  lua_insert(L, -2);
  int ref = luaL_ref(L, -2);
  lua_pop(L, 1);
  return ref;
}

static void unanchor(lab_vm *vm, int ref) {
  lua_rawgeti(vm->L, LUA_REGISTRYINDEX, vm->anchors);
  luaL_unref(vm->L, -1, ref);
  lua_pop(vm->L, 1);
}

static void move_anchor(lua_State *L, lab_lua_task *t) {
  lua_pushthread(t->co);
  lua_xmove(t->co, L, 1);
  t->ref = luaL_ref(L, -2);
}

/* What goes when a coroutine that ended does. */
static size_t bytes_of(const lua_State *co) {
  const lab_layout_state *s = (const lab_layout_state *)co;
  return sizeof *s + sizeof(lab_lua_task) +
         (size_t)(s->stack_last - s->stack) * sizeof *s->stack +
         s->ncalls * sizeof(lab_layout_call);
}

void lab_lua_task_drop_spare(lab_vm *vm) {
  while (vm->spare) {
    lab_lua_task *t = vm->spare;
    vm->spare = t->next_idle;
    unanchor(vm, t->ref);
    lab_xfree(t);
  }
  vm->spare_bytes = 0;
}

void lab_lua_task_compact(lua_State *L) {
  lab_vm *vm = lab_vm_of(L);
  lab_lua_task_drop_spare(vm);
  size_t n = lab_sched_count(vm->sched) + vm->nidle;
  lua_createtable(L, (int)n + 8, 0); /* all the room: nothing below raises */
  const lab_list *all = lab_sched_tasks(vm->sched);
  for (lab_list *l = all->next; l != all; l = l->next)
    move_anchor(L, lab_lua_task_at(l));
  for (lab_lua_task *t = vm->idle; t; t = t->next_idle)
    move_anchor(L, t);
  lua_rawseti(L, LUA_REGISTRYINDEX, vm->anchors);
}

/* ---- making tasks -------------------------------------------------------- */

/* A coroutine that ended well serves again, as Go's goroutines do. Unlike a
 * request's it has no room in advance. It is garbage that has a use, and
 * scripts have no way to refer to it; the collector's next cycle takes it
 * (gc.c), so what a program is seen to hold is what it holds. There must be
 * one. */
static lab_lua_task *take_spare(lab_vm *vm) {
  lab_lua_task *t = vm->spare;
  vm->spare = t->next_idle;
  vm->spare_bytes -= bytes_of(t->co);
  *t = (lab_lua_task){.co = t->co, .ref = t->ref};
  return t;
}

static void give_spare(lab_vm *vm, lab_lua_task *t) {
  lua_settop(t->co, 0);
  t->next_idle = vm->spare;
  vm->spare = t;
  vm->spare_bytes += bytes_of(t->co);
}

/* When memory is out Lua collects garbage in the middle of an allocation, where
 * these can't go: so they may be a sixteenth of what the step may have. */
static bool may_be_spare(const lab_vm *vm, const lab_lua_task *t) {
  return !t->exchange && !t->own &&
         vm->spare_bytes + bytes_of(t->co) <= vm->limit / 16;
}

/* Room for N values on CO. It is FROM that raises: CO has nobody who would
 * catch it. */
static void make_room(lua_State *from, lua_State *co, int n) {
  if (!lua_checkstack(co, n))
    luaL_error(from, LAB_LUA_NO_MEMORY);
}

static lab_lua_task *new_task(lab_vm *vm, lua_State *from, lua_State *co) {
  int ref = anchor(vm, from);
  lab_lua_task *t = lab_xcalloc(1, sizeof *t);
  t->co = co;
  t->ref = ref;
  return t;
}

/* With a function and NARGS arguments on top of FROM's stack (popped) on its
 * own stack. May raise, and nothing is lost then. */
static lab_lua_task *with_function(lab_vm *vm, lua_State *from, int nargs) {
  if (vm->spare && nargs + 2 <= LUA_MINSTACK) { /* that much room it has */
    lab_lua_task *t = take_spare(vm);
    lua_xmove(from, t->co, nargs + 1);
    return t;
  }
  luaL_checkstack(from, 3, NULL);
  lua_State *co = lua_newthread(from);
  lua_insert(from, -(nargs + 2)); /* below the function */
  make_room(from, co, nargs + 2); /* one for survey.c */
  lua_xmove(from, co, nargs + 1);
  return new_task(vm, from, co);
}

/* A trace shows the whole stack; a dump of goroutines, as Go's, only who called
 * lab.go, and the rest costs more than the start itself. */
static uint32_t creator(lua_State *L) {
  return lab_trace_on() ? lab_walk(L, 0) : lab_walk_caller(L);
}

lab_lua_task *
lab_lua_task_spawn(lab_vm *vm, lua_State *from, int nargs, uint32_t generation,
                   void (*ended)(lab_vm *, lab_lua_task *, int, int)) {
  lab_lua_task *t = with_function(vm, from, nargs);
  /* Nothing below raises, so the task can't be lost. */
  t->nargs = nargs;
  t->ended = ended;
  t->base.generation = generation;
  if (vm->running) {
    t->creator = vm->running->base.id;
    t->base.created_by = creator(vm->running->co);
    t->base.label = vm->running->base.label;
    t->base.user_task = vm->running->base.user_task;
  }
  lab_task_init(vm->sched, &t->base);
  lab_task_ready(vm->sched, &t->base);
  return t;
}

static lab_lua_task *new_idle(lab_vm *vm, lua_State *L) {
  lua_State *co = lua_newthread(L);
  /* Room in advance, as much as most requests need. */
  make_room(L, co, 200);
  return new_task(vm, L, co);
}

lab_lua_task *lab_lua_task_take(lua_State *L) {
  lab_vm *vm = lab_vm_of(L);
  lab_lua_task *t = vm->idle;
  if (!t)
    return new_idle(vm, L);
  vm->idle = t->next_idle;
  vm->nidle--;
  lua_State *co = t->co;
  int ref = t->ref;
  memset(t, 0, sizeof *t);
  t->co = co;
  t->ref = ref;
  return t;
}

void lab_lua_task_give_back(lab_vm *vm, lab_lua_task *t) {
  lua_settop(t->co, 0);
  t->next_idle = vm->idle;
  vm->idle = t;
  vm->nidle++;
}

/* ---- the end of a task --------------------------------------------------- */

/* The coroutine can serve again if it ended well, and if it is not where a
 * handle has the results. */
static void recycle(lab_vm *vm, lab_lua_task *t, int status, int nresults) {
  if (status == LUA_OK && t->exchange && vm->nidle < IDLE_MAX) {
    lab_lua_task_give_back(vm, t);
    return;
  }
  if (status == LUA_OK && nresults == 0 && may_be_spare(vm, t)) {
    give_spare(vm, t);
    return;
  }
  unanchor(vm, t->ref);
  lab_xfree(t);
}

static void tell_joiners(lab_vm *vm, lab_lua_task *t, int status,
                         int nresults) {
  lab_task_handle *h = t->handle;
  if (!h)
    return;
  h->task = NULL;
  h->ok = status == LUA_OK;
  h->nresults = nresults;
  while (!lab_list_empty(&h->joiners))
    lab_task_ready(vm->sched, LAB_CONTAINER(h->joiners.next, lab_task, link));
}

/* Replaces the error object on top of the failed coroutine by a message with
 * its traceback. */
static int add_traceback(lua_State *L) {
  lua_State *co = lua_touserdata(L, 1);
  char memory[LAB_MEMORY_TEXT];
  const char *message = lua_tostring(co, -1);
  if (lua_status(co) == LUA_ERRMEM) {
    lab_memory_error_text(lab_vm_of(L), co, memory, sizeof memory);
    message = memory;
  }
  if (!message) /* no metamethods: nothing could interrupt them here */
    message = lua_pushfstring(L, "(error object is a %s value)",
                              luaL_typename(co, -1));
  luaL_traceback(L, co, message, 0);
  return 1;
}

/* One that is due to the step's limit has room for its own words. */
static void describe_error(lab_vm *vm, lua_State *co) {
  lua_State *L = vm->L;
  lab_mem_set_limit(0);
  lua_pushcfunction(L, add_traceback);
  lua_pushlightuserdata(L, co);
  if (lua_pcall(L, 1, 1, 0) == LUA_OK) {
    lua_xmove(L, co, 1);
  } else {
    lua_pop(L, 1); /* no memory for a traceback: the message must do */
  }
  lab_mem_set_limit(vm->switcher ? 0 : vm->limit);
}

void lab_lua_log_failure(const char *what, const lab_lua_task *t) {
  char head[64];
  snprintf(head, sizeof head, "%s %llu failed: ", what,
           (unsigned long long)t->base.id);
  lab_log_often(head, lua_tostring(t->co, -1));
}

static void finish(lab_vm *vm, lab_lua_task *t, int status, int nresults) {
  if (status != LUA_OK) {
    if (!t->base.cancelled) /* there may be a million of those */
      describe_error(vm, t->co);
    nresults = 1;
  }
  lab_task_end(vm->sched, &t->base);
  if (t->ended)
    t->ended(vm, t, status, nresults);
  tell_joiners(vm, t, status, nresults);
  recycle(vm, t, status, nresults);
}

void lab_lua_task_resume(lab_task *base, void *arg) {
  lab_vm *vm = arg;
  lab_lua_task *t = lab_lua_task_of(base);
  lua_State *co = t->co;
  int nargs = t->nargs, nresults = 0;
  t->nargs = 0;
  vm->running = t;
  atomic_store_explicit(&vm->in_switch, t == vm->switcher,
                        memory_order_relaxed);
  lab_sampler_resume(base->label);
  if (base->cancelled) /* also where a pcall swallowed the error before */
    lab_sampler_arm(co);
  int status = lua_resume(co, vm->L, nargs, &nresults);
  vm->running = NULL;
  if (status != LUA_YIELD) {
    finish(vm, t, status, nresults);
    return;
  }
  lua_pop(co, nresults);
  /* Whatever yields has parked the task or made it ready before. */
  LAB_ASSERT(base->state != LAB_TASK_RUNNING);
  if (base->cancelled) /* by itself or by a signal, just before it parked */
    lab_lua_task_cancel(vm, t);
}

/* ---- parking ------------------------------------------------------------- */

lab_lua_task *lab_lua_check_parkable(lua_State *L, const char *what) {
  lab_lua_task *me = lab_vm_of(L)->running;
  if (!me || me->co != L || !lua_isyieldable(L))
    luaL_error(L, "can't %s here: a C function waits for this call", what);
  return me;
}

uint64_t lab_lua_check_seconds(lua_State *L, int arg) {
  double seconds = luaL_checknumber(L, arg);
  luaL_argcheck(L, seconds >= 0, arg, "seconds must not be negative");
  return (uint64_t)((seconds < 1e9 ? seconds : 1e9) * 1e9);
}

/* When a step is left a million tasks may come here at once. So that message
 * doesn't say where: strings are what the collector counts, and what it does in
 * between nobody can interrupt. */
int lab_lua_raise_cancelled(lua_State *L) {
  if (lab_vm_of(L)->running->told_by_script)
    return luaL_error(L, "task cancelled");
  lua_pushliteral(L, "the step was left");
  return lua_error(L);
}

void lab_lua_check_cancelled(lua_State *L) {
  lab_vm *vm = lab_vm_of(L);
  if (vm->running && vm->running->base.cancelled)
    lab_lua_raise_cancelled(L);
}

static void job_done(lab_job *base) {
  lab_lua_job *job = LAB_CONTAINER(base, lab_lua_job, base);
  lab_task_ready(job->vm->sched, &job->task->base);
  job->task->job = NULL; /* a trace looks at it before */
}

int lab_lua_run_job(lua_State *L, lab_lua_job *job, lua_KContext ctx,
                    lua_KFunction k) {
  lab_vm *vm = lab_vm_of(L);
  lab_lua_task *t = vm->running;
  if (!t || t->co != L || !lua_isyieldable(L)) {
    lab_sampler_freeze(L);
    if (t)
      t->job = &job->base; /* an interruption tells it to stop */
    lab_worker_run(&job->base);
    if (t)
      t->job = NULL;
    lab_sampler_thaw();
    return k(L, LUA_OK, ctx);
  }
  job->vm = vm;
  job->task = t;
  job->base.done = job_done;
  job->base.stack = lab_walk(L, 0);
  job->base.label = t->base.label;
  t->job = &job->base;
  lab_task_park(vm->sched, &t->base, LAB_WAIT_WORKER, job->base.stack);
  lab_workers_submit(vm->workers, &job->base);
  return lua_yieldk(L, 0, ctx, k);
}

/* ---- cancelling ---------------------------------------------------------- */

/* One that is runnable meets the hook when it is resumed. */
void lab_lua_task_cancel(lab_vm *vm, lab_lua_task *t) {
  t->base.cancelled = true;
  if (t->job)
    atomic_store(&t->job->cancelled, true);
  else if (t->base.state == LAB_TASK_WAITING)
    lab_task_ready(vm->sched, &t->base);
}

static unsigned cancel_one(lab_vm *vm, lab_lua_task *t, uint32_t generation) {
  if (t->base.generation != generation || t->base.cancelled || t == vm->running)
    return 0;
  lab_lua_task_cancel(vm, t);
  return 1;
}

static lab_lua_task *server_of(lab_list *request) {
  return LAB_CONTAINER(request, lab_exchange, link)->task;
}

/* There may be a million tasks, and far fewer requests. */
unsigned lab_lua_task_cancel_all(lab_vm *vm, uint32_t generation, bool requests,
                                 unsigned most) {
  unsigned n = 0;
  const lab_list *all = requests ? &vm->requests : lab_sched_tasks(vm->sched);
  for (lab_list *l = all->next; l != all && n < most; l = l->next) {
    lab_lua_task *t = requests ? server_of(l) : lab_lua_task_at(l);
    if (requests || !t->exchange)
      n += cancel_one(vm, t, generation);
  }
  return n;
}

void lab_lua_task_cancel_ready(lab_vm *vm) {
  for (lab_list *l = vm->requests.next; l != &vm->requests; l = l->next) {
    lab_lua_task *t = server_of(l);
    if (t->base.state == LAB_TASK_RUNNABLE && !t->base.cancelled)
      lab_lua_task_cancel(vm, t);
  }
}

unsigned lab_lua_task_requests(lab_vm *vm, uint32_t generation) {
  unsigned n = 0;
  for (lab_list *l = vm->requests.next; l != &vm->requests; l = l->next)
    n += server_of(l)->base.generation == generation;
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

static void free_all(lab_lua_task **first) {
  while (*first) {
    lab_lua_task *t = *first;
    *first = t->next_idle;
    lab_xfree(t);
  }
}

void lab_lua_task_drop_all(lab_vm *vm) {
  const lab_list *all = lab_sched_tasks(vm->sched);
  while (!lab_list_empty(all)) {
    lab_lua_task *t = lab_lua_task_at(all->next);
    lab_task_end(vm->sched, &t->base);
    if (t->exchange) {
      lab_list_remove(&t->exchange->link);
      lab_exchange_text(t->exchange, 503, "the lab is stopping\n", 20);
      lab_vm_answer(vm, t->exchange);
    }
    if (t->handle)
      t->handle->task = NULL;
    lab_xfree(t); /* the coroutine goes with lua_close */
  }
  free_all(&vm->idle);
  free_all(&vm->spare);
}
