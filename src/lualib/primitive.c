/* SPDX-License-Identifier: MIT
 * See primitive.h.
 *
 * Work is a userdata on the stack of the task that waits for it. So whatever
 * ends the task, the collector finds the work at last, and drops it.
 *
 * A waker belongs to two: to its work, and to the thread that will wake. Each
 * may be gone before the other. The letter that wakes is a part of the waker.
 */
#include "lualib/primitive.h"

#include <lauxlib.h>
#include <math.h>
#include <pthread.h>
#include <string.h>

#include "base/alloc.h"
#include "lualib/failure.h"
#include "mem/mem.h"
#include "plugin/plugin.h"
#include "stack/frame.h"
#include "vm/gc.h"
#include "vm/vm.h"
#include "vm/walk.h"
#include "vm/worker_job.h"

static const char WORK[] = "lab.PrimitiveWork";
enum { WORK_BYTES_MAX = 64 << 10 };

typedef struct work {
  lab_lua_job job;
  const lab_primitive_work *kind; /* NULL: dropped */
  lab_primitive_waker *waker;     /* or NULL */
  lab_lua_task *waiting;          /* the task that waits to be woken, or NULL */
  bool woken;
  _Alignas(max_align_t) char data[];
} work;

struct lab_primitive_waker {
  lab_post post;
  work *work;        /* NULL: it is gone */
  atomic_uint holds; /* the work's, and the waking thread's */
};

/* The scheduler that takes letters. */
static struct {
  pthread_mutex_t lock;
  lab_sched *sched; /* NULL: there is none */
} gate = {.lock = PTHREAD_MUTEX_INITIALIZER};

static work *get_work(const void *data) {
  return (work *)(void *)((char *)data - offsetof(work, data));
}

/* ---- wakers -------------------------------------------------------------- */

static void release_waker(lab_primitive_waker *waker) {
  if (atomic_fetch_sub(&waker->holds, 1) == 1)
    lab_xfree(waker);
}

static void deliver_wakeup(lab_post *post) {
  lab_primitive_waker *waker = LAB_CONTAINER(post, lab_primitive_waker, post);
  work *w = waker->work;
  if (w)
    w->woken = true;
  if (w && w->waiting) {
    lab_task_ready(w->job.vm->sched, &w->waiting->base);
    w->waiting = NULL;
  }
  release_waker(waker);
}

lab_primitive_waker *lab_primitive_new_waker(void *data) {
  work *w = get_work(data);
  LAB_ASSERT(!w->waker); /* one for all data */
  lab_primitive_waker *waker = lab_xcalloc(1, sizeof *waker);
  waker->post.deliver = deliver_wakeup;
  waker->work = w;
  atomic_store(&waker->holds, 2);
  w->waker = waker;
  return waker;
}

void lab_primitive_wake(lab_primitive_waker *waker) {
  pthread_mutex_lock(&gate.lock);
  if (gate.sched)
    lab_sched_post(gate.sched, &waker->post);
  else
    release_waker(waker);
  pthread_mutex_unlock(&gate.lock);
}

bool lab_primitive_was_woken(const void *data) {
  return get_work(data)->woken;
}

static void set_gate(lab_sched *sched) {
  pthread_mutex_lock(&gate.lock);
  gate.sched = sched;
  pthread_mutex_unlock(&gate.lock);
}

void lab_lua_primitive_stop(void) {
  set_gate(NULL);
}

/* ---- work ---------------------------------------------------------------- */

static void drop_work(work *w) {
  const lab_primitive_work *kind = w->kind;
  w->kind = NULL;
  w->waiting = NULL;
  if (w->waker) {
    w->waker->work = NULL;
    release_waker(w->waker);
    w->waker = NULL;
  }
  if (kind && kind->drop)
    kind->drop(w->data);
}

static int collect_work(lua_State *L) {
  drop_work(luaL_checkudata(L, 1, WORK));
  return 0;
}

void *lab_primitive_new_work(lua_State *L, const lab_primitive_work *kind) {
  if (kind->size > WORK_BYTES_MAX)
    luaL_error(L, "a primitive's work has %I bytes: at most %d are allowed",
               (LUAI_UACINT)kind->size, (int)WORK_BYTES_MAX);
  work *w = lua_newuserdatauv(L, sizeof *w + kind->size, 0);
  memset(w, 0, sizeof *w + kind->size);
  w->kind = kind;
  w->job.vm = lab_vm_of(L);
  luaL_setmetatable(L, WORK);
  return w->data;
}

static void run_work(lab_job *base) {
  work *w = LAB_CONTAINER(base, work, job.base);
  w->kind->run(w->data);
}

/* Also where a task was cancelled before its work began, or while it waited. */
static int finish_work(lua_State *L, int status, lua_KContext ctx) {
  (void)status;
  work *w = (work *)ctx;
  const lab_lua_task *t = lab_vm_of(L)->running;
  int n = 0;
  w->waiting = NULL;
  if (!t || !t->base.cancelled)
    n = w->kind->finish(L, w->data);
  drop_work(w);
  lab_lua_check_cancelled(L);
  return n;
}

/* Work that was used would be run with data that is gone. */
static work *check_unused(lua_State *L, void *data, bool is_run) {
  work *w = get_work(data);
  if (!w->kind || w->job.base.run)
    luaL_error(L, "a primitive uses its work a second time");
  if (!w->kind->finish || (is_run && !w->kind->run))
    luaL_error(L, "a primitive's work has no code for this");
  w->job.base.run = run_work; /* also marks it as used */
  return w;
}

int lab_primitive_run(lua_State *L, void *data) {
  work *w = check_unused(L, data, true);
  return lab_lua_run_job(L, &w->job, (lua_KContext)w, finish_work);
}

int lab_primitive_wait(lua_State *L, void *data, double seconds) {
  lab_lua_task *me = lab_lua_check_parkable(L, "wait for a primitive");
  work *w = check_unused(L, data, false);
  lab_sched *sched = w->job.vm->sched;
  if (w->woken)
    return finish_work(L, LUA_OK, (lua_KContext)w);
  w->waiting = me;
  lab_task_park(sched, &me->base, LAB_WAIT_PRIMITIVE, lab_walk(L, 0));
  if (seconds >= 0)
    lab_task_wake_after(sched, &me->base, (uint64_t)(fmin(seconds, 1e9) * 1e9));
  return lua_yieldk(L, 0, (lua_KContext)w, finish_work);
}

/* ---- long functions ------------------------------------------------------ */

/* Whether this thread runs Lua: then it is the VM's. */
static bool is_cancelled_here(void) {
  const lab_resumed *top = lab_resumed_top;
  const lab_vm *vm = top ? lab_vm_of(top->L) : NULL;
  return vm && ((vm->running && vm->running->base.cancelled) ||
                atomic_load(lab_preempt_interruption(vm)));
}

bool lab_primitive_cancelled(void) {
  return lab_job_cancelled() || is_cancelled_here();
}

/* The flag comes first, the signal that cancels the task a little later. */
void lab_primitive_look(lua_State *L) {
  const lab_vm *vm = lab_vm_of(L);
  if (vm && vm->running && atomic_load(lab_preempt_interruption(vm)))
    vm->running->base.cancelled = true;
  lab_lua_look_around(L);
}

/* ---- memory -------------------------------------------------------------- */

void *lab_primitive_alloc(size_t size) {
  return size ? lab_mem_alloc(size) : NULL;
}

void *lab_primitive_realloc(void *block, size_t old_size, size_t size) {
  return lab_mem_realloc(block, old_size, size);
}

void lab_primitive_free(void *block, size_t size) {
  lab_mem_free(block, size);
}

int lab_primitive_no_memory(lua_State *L, const char *what, size_t size) {
  return lab_lua_refuse_memory(L, what, size);
}

void lab_primitive_hold_memory(lua_State *L, int64_t delta) {
  lab_gc_external(L, delta);
}

/* ---- for scripts --------------------------------------------------------- */

/* Allocations are charged to the function that wants them, as Go's make is. */
static void hide_machinery(void) {
  lab_func_c((const void *)run_work, "lab_primitive_run", true);
  lab_func_c((const void *)lab_primitive_alloc, "lab_primitive_alloc", true);
  lab_func_c((const void *)lab_primitive_realloc, "lab_primitive_realloc",
             true);
}

static void push_functions(lua_State *L, const lab_primitive *p) {
  lua_newtable(L);
  for (const lab_primitive_function *f = p->functions; f && f->name; f++) {
    lua_pushcfunction(L, f->call);
    lua_setfield(L, -2, f->name);
    lua_pushfstring(L, "%s.%s", p->name, f->name);
    lab_func_c((const void *)f->call, lua_tostring(L, -1), f->hidden);
    lua_pop(L, 1);
  }
}

static void open_primitive(lua_State *L, const lab_plugin *plugin) {
  const lab_primitive *p = plugin->primitive;
  push_functions(L, p);
  if (!p->open)
    return;
  lua_pushcfunction(L, p->open);
  lua_pushvalue(L, -2);
  if (lua_pcall(L, 1, 0, 0) != LUA_OK)
    luaL_error(L, "the primitive %s%s%s doesn't open: %s", p->name,
               plugin->file ? " of " : "", plugin->file ? plugin->file : "",
               luaL_tolstring(L, -1, NULL));
}

void lab_lib_primitive(lua_State *L) {
  static const luaL_Reg metamethods[] = {{"__gc", collect_work}, {NULL, NULL}};
  const lab_plugin *list;
  size_t n = lab_plugin_list(&list);
  lua_createtable(L, 0, (int)n);
  if (n > 0) {
    set_gate(lab_vm_of(L)->sched);
    hide_machinery();
    luaL_newmetatable(L, WORK);
    luaL_setfuncs(L, metamethods, 0);
    lua_pop(L, 1);
  }
  for (size_t i = 0; i < n; i++) {
    open_primitive(L, &list[i]);
    lua_setfield(L, -2, list[i].primitive->name);
  }
  lua_setfield(L, -2, "primitive");
}
