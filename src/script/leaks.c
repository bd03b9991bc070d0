/* SPDX-License-Identifier: MIT
 * The goroutineleak profile: tasks that are parked on something that nothing
 * else can reach, so nobody will ever wake them.
 *
 * A walk over all that Lua can reach, through Lua's own API. It starts at the
 * registry (without the table that keeps tasks' coroutines alive), and at the
 * tasks that go on by themselves: those that can run, sleep, or wait for a
 * worker or the network. A lock, channel or Task that is met wakes, for the
 * walk, those that are parked on it: their stacks are looked at, too. Who was
 * not met in the end is leaked.
 *
 * What is not seen: a task that waits for what a global still refers to, though
 * nobody will use it, is not in the profile (as in Go). One whose waking is
 * left to a finalizer that has not run yet is in it.
 *
 * The walk is one letter: no task runs meanwhile, and the collector stands
 * still. Its visited set is C memory; values still to be looked at are in a Lua
 * table. When memory ends within it, there is no answer.
 *
 * Threads: the VM's; request and answered: the control thread. */
#include "script/vm.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "base/log.h"
#include "prof/goroutine.h"
#include "prof/keymap.h"
#include "prof/registry.h"

typedef struct waiter {
  lab_lua_task *task;
  size_t next; /* waiter of the same object + 1, or 0 */
} waiter;

/* What is known of one object. */
typedef struct object {
  size_t waiters; /* the first + 1, or 0 */
  bool visited;
} object;

typedef struct leaks {
  lab_exchange x;
  lab_profile_request *request;
  lab_goroutines *tasks;
  lab_keymap pointers; /* -> objects */
  lab_buf objects, waiters;
  int list;         /* index of the table of values to look at */
  lua_Integer todo; /* how many there are */
} leaks;

static lab_vm *the_vm; /* the control thread's */

static lab_lua_task *task_at(const lab_list *link) {
  return LAB_CONTAINER(LAB_CONTAINER(link, lab_task, all), lab_lua_task, base);
}

static object *object_of(leaks *k, const void *pointer) {
  size_t known = k->pointers.count;
  size_t i = lab_keymap_add(&k->pointers, (lab_key){(uintptr_t)pointer, 0, 0});
  if (i == known)
    lab_buf_append(&k->objects, &(object){0}, sizeof(object));
  return (object *)(void *)k->objects.data + i;
}

/* ---- the walk ------------------------------------------------------------ */

static void wake(leaks *k, lua_State *L, lab_lua_task *t);

/* Pops a value, which is looked at later unless it was met before. */
static void meet(leaks *k, lua_State *L) {
  int type = lua_type(L, -1);
  if (type != LUA_TTABLE && type != LUA_TFUNCTION && type != LUA_TUSERDATA &&
      type != LUA_TTHREAD) {
    lua_pop(L, 1);
    return;
  }
  object *o = object_of(k, lua_topointer(L, -1));
  if (o->visited) {
    lua_pop(L, 1);
    return;
  }
  o->visited = true;
  size_t w = o->waiters;
  lua_rawseti(L, k->list, ++k->todo);
  while (w) {
    waiter one = ((waiter *)(void *)k->waiters.data)[w - 1];
    wake(k, L, one.task);
    w = one.next;
  }
}

/* The same for a value on another coroutine's stack. */
static void meet_from(leaks *k, lua_State *L, lua_State *co) {
  lua_xmove(co, L, 1);
  meet(k, L);
}

/* Its stack will be looked at. */
static void wake(leaks *k, lua_State *L, lab_lua_task *t) {
  lua_pushthread(t->co);
  meet_from(k, L, t->co);
}

static void look_at_table(leaks *k, lua_State *L, int at) {
  bool keys = true, values = true;
  if (lua_getmetatable(L, at)) {
    lua_pushliteral(L, "__mode");
    if (lua_rawget(L, -2) == LUA_TSTRING)
      for (const char *mode = lua_tostring(L, -1); *mode; mode++) {
        keys &= *mode != 'k';
        values &= *mode != 'v';
      }
    lua_pop(L, 1);
    meet(k, L);
  }
  for (lua_pushnil(L); lua_next(L, at);) {
    if (values)
      meet(k, L);
    else
      lua_pop(L, 1);
    if (keys) {
      lua_pushvalue(L, -1);
      meet(k, L);
    }
  }
}

static void look_at_userdata(leaks *k, lua_State *L, int at) {
  if (lua_getmetatable(L, at))
    meet(k, L);
  for (int i = 1; lua_getiuservalue(L, at, i) != LUA_TNONE; i++)
    meet(k, L);
  lua_pop(L, 1);
}

static void look_at_function(leaks *k, lua_State *L, int at) {
  for (int i = 1; lua_getupvalue(L, at, i); i++)
    meet(k, L);
}

/* Every slot of every level: Lua also names temporaries. */
static void look_at_coroutine(leaks *k, lua_State *L, lua_State *co) {
  lua_Debug ar;
  if (co == L)
    return;
  if (!lua_checkstack(co, 2))
    luaL_error(L, "not enough memory");
  for (int i = lua_gettop(co); i > 0; i--) {
    lua_pushvalue(co, i);
    meet_from(k, L, co);
  }
  for (int level = 0; lua_getstack(co, level, &ar); level++) {
    lua_getinfo(co, "f", &ar);
    meet_from(k, L, co);
    for (int i = 1; lua_getlocal(co, &ar, i); i++)
      meet_from(k, L, co);
    for (int i = -1; lua_getlocal(co, &ar, i); i--)
      meet_from(k, L, co);
  }
}

static void walk(leaks *k, lua_State *L) {
  while (k->todo > 0) {
    lua_rawgeti(L, k->list, k->todo);
    lua_pushnil(L);
    lua_rawseti(L, k->list, k->todo--);
    int at = lua_gettop(L), type = lua_type(L, at);
    if (type == LUA_TTABLE)
      look_at_table(k, L, at);
    else if (type == LUA_TUSERDATA)
      look_at_userdata(k, L, at);
    else if (type == LUA_TFUNCTION)
      look_at_function(k, L, at);
    else
      look_at_coroutine(k, L, lua_tothread(L, at));
    lua_settop(L, at - 1);
  }
}

/* ---- the tasks ----------------------------------------------------------- */

static bool may_be_leaked(const lab_lua_task *t) {
  if (t->base.state != LAB_TASK_WAITING || t->own || t->base.cancelled)
    return false;
  return t->base.wait >= LAB_WAIT_JOIN && t->base.wait <= LAB_WAIT_SELECT_EMPTY;
}

static void waits_for(leaks *k, lab_lua_task *t, int at) {
  if (lua_type(t->co, at) != LUA_TUSERDATA)
    return;
  object *o = object_of(k, lua_topointer(t->co, at));
  waiter one = {t, o->waiters};
  lab_buf_append(&k->waiters, &one, sizeof one);
  o->waiters = k->waiters.len / sizeof one;
}

/* What T is parked on is its innermost function's first argument; the channels
 * of a select are in every second slot from the third on: lib_channel.c. */
static void note_waits(leaks *k, lab_lua_task *t) {
  if (t->base.wait != LAB_WAIT_SELECT) {
    waits_for(k, t, 1);
    return;
  }
  for (int at = 3; at <= lua_gettop(t->co); at += 2)
    waits_for(k, t, at);
}

static void begin(leaks *k, lua_State *L, const lab_list *all) {
  for (const lab_list *l = all->next; l != all; l = l->next)
    if (may_be_leaked(task_at(l)))
      note_waits(k, task_at(l));
  for (const lab_list *l = all->next; l != all; l = l->next)
    if (!may_be_leaked(task_at(l)))
      wake(k, L, task_at(l));
}

static void collect(leaks *k, const lab_list *all) {
  uint64_t now = lab_clock_mono();
  k->tasks = lab_goroutines_new();
  for (const lab_list *l = all->next; l != all; l = l->next) {
    lab_lua_task *t = task_at(l);
    if (may_be_leaked(t) && !object_of(k, t->co)->visited)
      lab_survey_add(k->tasks, t, now);
  }
}

/* Protected: (leaks). */
static int find(lua_State *L) {
  leaks *k = lua_touserdata(L, 1);
  const lab_list *all = lab_sched_tasks(k->x.vm->sched);
  luaL_checkstack(L, 20, NULL);
  lua_newtable(L);
  k->list = lua_gettop(L);
  lua_rawgeti(L, LUA_REGISTRYINDEX, k->x.vm->anchors);
  object_of(k, lua_topointer(L, -1))->visited = true;
  object_of(k, lua_topointer(L, k->list))->visited = true;
  lua_pop(L, 1);
  begin(k, L, all);
  lua_pushvalue(L, LUA_REGISTRYINDEX);
  meet(k, L);
  walk(k, L);
  collect(k, all);
  return 0;
}

static void deliver(lab_post *post) {
  leaks *k = LAB_CONTAINER(post, leaks, x.post);
  lab_vm *vm = k->x.vm;
  if (!atomic_load(&vm->stopping) && !atomic_load(&k->request->withdrawn)) {
    bool collects = lua_gc(vm->L, LUA_GCISRUNNING);
    lua_gc(vm->L, LUA_GCSTOP);
    lua_pushcfunction(vm->L, find);
    lua_pushlightuserdata(vm->L, k);
    if (lua_pcall(vm->L, 1, 0, 0) != LUA_OK) {
      lab_log("no profile of leaks: %s", lua_tostring(vm->L, -1));
      lua_pop(vm->L, 1);
    }
    if (collects)
      lua_gc(vm->L, LUA_GCRESTART);
  }
  lab_keymap_free(&k->pointers);
  lab_buf_free(&k->objects);
  lab_buf_free(&k->waiters);
  lab_vm_answer(vm, &k->x);
}

/* ---- the profile --------------------------------------------------------- */

static void answered(lab_exchange *x) {
  leaks *k = LAB_CONTAINER(x, leaks, x);
  lab_profile_request *r = k->request;
  r->snapshot = k->tasks;
  lab_xfree(k);
  r->taken(r);
}

static void request(lab_profile_request *r) {
  leaks *k = lab_xcalloc(1, sizeof *k);
  k->request = r;
  k->x.vm = the_vm;
  k->x.answered = answered;
  k->x.post.deliver = deliver;
  lab_sched_post(the_vm->sched, &k->x.post);
}

/* Nobody knows without a walk. */
static size_t count(void) {
  return 0;
}

static void release(void *snapshot) {
  lab_goroutines_free(snapshot);
}

static int write_proto(const void *now, const void *before, lab_buf *out) {
  return lab_goroutines_write(now, before, "goroutineleak", out);
}

static void write_text(const void *now, int debug, lab_buf *out) {
  (void)debug;
  lab_goroutines_write_text(now, "goroutineleak", out);
}

static const lab_profile_kind leak_kind = {
    .name = "goroutineleak",
    .description = "Stack traces of all leaked goroutines (here: tasks): they "
                   "wait for what nothing else can reach.",
    .count = count,
    .request = request,
    .free = release,
    .write = write_proto,
    .write_text = write_text,
    .dump = &lab_survey_dump,
};

void lab_leaks_register(void) {
  lab_registry_add(&leak_kind);
}

void lab_leaks_of(lab_vm *vm) {
  the_vm = vm;
}
