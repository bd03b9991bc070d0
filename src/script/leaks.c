/* SPDX-License-Identifier: MIT
 * The goroutineleak profile: tasks that are parked on something that nothing
 * else can reach, so nobody will ever wake them.
 *
 * A walk over all that Lua can reach (reach.h). It starts at the registry, but
 * not at the table that keeps tasks' coroutines alive, and at the tasks that go
 * on by themselves: those that can run, sleep, or wait for a worker or the
 * network. A lock, channel or task that is met wakes, for the walk, those that
 * are parked on it. Who was not met in the end is leaked.
 *
 * What is not seen: a task that waits for what a global still refers to, though
 * nobody will use it, is not in the profile (as in Go), and neither is one
 * whose Task something has, for that could cancel it. One whose waking is left
 * to a finalizer that has not run yet is in it.
 *
 *   deliver -> begin -> slice -> slice ... -> answer
 *
 * No task runs meanwhile, and the collector stands still; but letters are
 * delivered between the slices, so the lab goes on answering /debug, and when a
 * step is to be switched, the walk makes way: whoever asked asks again.
 *
 * A letter may cancel a task: one that would have been leaked then isn't in the
 * profile, but those that wait for it are, as they were leaked at that moment.
 *
 * Threads: the VM's; request: the control thread. */
#include "script/vm.h"

#include <stdio.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/log.h"
#include "mem/mem.h"
#include "prof/goroutine.h"
#include "prof/registry.h"
#include "script/reach.h"

static const uint64_t SLICE_NS = 2 * LAB_MILLISECOND;
enum { BETWEEN_LOOKS = 64 }; /* tasks between two looks at the clock */

typedef struct leaks {
  lab_picture picture; /* no tasks: not begun */
  lab_reach reach;
  /* What is being done: false when it is done. */
  bool (*phase)(struct leaks *k, lua_State *L, uint64_t until);
  const lab_list *next; /* the first task that it was not done for */
  uint64_t now;         /* the moment: mono ns */
} leaks;

/* How many the last walk found, in this step. */
static atomic_size_t found;

/* ---- who waits for what -------------------------------------------------- */

static bool may_be_leaked(const lab_lua_task *t) {
  if (t->base.state != LAB_TASK_WAITING || t->own || t->base.cancelled ||
      t->base.heap > 0) /* a join with a limit */
    return false;
  return t->base.wait >= LAB_WAIT_JOIN && t->base.wait <= LAB_WAIT_SELECT_EMPTY;
}

static void waits_for(leaks *k, lab_lua_task *t, int at) {
  if (lua_type(t->co, at) == LUA_TUSERDATA)
    lab_reach_waits(&k->reach, lua_topointer(t->co, at), t->co);
}

/* What T is parked on is its innermost function's first argument; the channels
 * of a select are in every second slot from the third on: lib_channel.c. One
 * that joins another goes on when that does, so it waits for its coroutine. */
static void note_waits(leaks *k, lua_State *L, lab_lua_task *t) {
  (void)L;
  if (!may_be_leaked(t))
    return;
  if (t->base.wait == LAB_WAIT_JOIN) {
    const lab_task_handle *h = lua_touserdata(t->co, 1);
    lab_reach_waits(&k->reach, h->task->co, t->co);
  } else if (t->base.wait == LAB_WAIT_SELECT) {
    for (int at = 3; at <= lua_gettop(t->co); at += 2)
      waits_for(k, t, at);
  } else {
    waits_for(k, t, 1);
  }
}

static void note_live(leaks *k, lua_State *L, lab_lua_task *t) {
  if (may_be_leaked(t))
    return;
  lua_pushthread(t->co);
  lua_xmove(t->co, L, 1);
  lab_reach_root(&k->reach, L);
}

static void note_leaked(leaks *k, lua_State *L, lab_lua_task *t) {
  (void)L;
  if (may_be_leaked(t) && !lab_reach_met(&k->reach, t->co))
    lab_picture_add(&k->picture, t, k->now);
}

/* ---- the phases ---------------------------------------------------------- */

/* DOES it for the tasks that are left. False: that were all. */
static bool for_each(leaks *k, lua_State *L, uint64_t until,
                     void (*does)(leaks *k, lua_State *L, lab_lua_task *t)) {
  const lab_list *all = lab_sched_tasks(k->picture.x.vm->sched);
  for (unsigned i = 1; k->next != all; i++) {
    does(k, L, lab_lua_task_at(k->next));
    k->next = k->next->next;
    if (i % BETWEEN_LOOKS == 0 && lab_clock_mono() > until)
      return true;
  }
  k->next = all->next;
  return false;
}

static bool note_all_leaked(leaks *k, lua_State *L, uint64_t until) {
  return for_each(k, L, until, note_leaked);
}

static bool walk(leaks *k, lua_State *L, uint64_t until) {
  if (lab_reach_walk(&k->reach, L, until))
    return true;
  k->phase = note_all_leaked;
  return note_all_leaked(k, L, until);
}

static bool note_all_live(leaks *k, lua_State *L, uint64_t until) {
  if (for_each(k, L, until, note_live))
    return true;
  k->phase = walk;
  return walk(k, L, until);
}

static bool note_all_waits(leaks *k, lua_State *L, uint64_t until) {
  if (for_each(k, L, until, note_waits))
    return true;
  lua_pushvalue(L, LUA_REGISTRYINDEX);
  lab_reach_root(&k->reach, L);
  k->phase = note_all_live;
  return note_all_live(k, L, until);
}

static bool begin(leaks *k, lua_State *L, uint64_t until) {
  lab_reach_begin(&k->reach, L);
  lua_rawgeti(L, LUA_REGISTRYINDEX, k->picture.x.vm->anchors);
  lab_reach_skip(&k->reach, lua_topointer(L, -1));
  lua_pop(L, 1);
  k->phase = note_all_waits;
  return note_all_waits(k, L, until);
}

/* ---- slices -------------------------------------------------------------- */

/* Protected: (leaks) -> whether there is more. */
static int run_phase(lua_State *L) {
  leaks *k = lua_touserdata(L, 1);
  lua_pushboolean(L, k->phase(k, L, lab_clock_mono() + SLICE_NS));
  return 1;
}

static void forget_tasks(leaks *k) {
  lab_goroutines_free(k->picture.tasks);
  k->picture.tasks = NULL;
}

/* The walk takes memory while it lasts, also from a step that has used up its
 * own: that is when one wants to know who holds it. */
static bool slice(leaks *k) {
  lab_vm *vm = k->picture.x.vm;
  lab_profile_request *r = k->picture.request;
  lab_mem_set_limit(0);
  lua_pushcfunction(vm->L, run_phase);
  lua_pushlightuserdata(vm->L, k);
  bool failed = lua_pcall(vm->L, 1, 1, 0) != LUA_OK;
  bool more = !failed && lua_toboolean(vm->L, -1);
  if (failed) {
    forget_tasks(k);
    snprintf(r->why, sizeof r->why, "no profile of leaks: %s",
             lua_tostring(vm->L, -1));
    lab_log("%s", r->why);
  }
  lua_pop(vm->L, 1);
  lab_mem_set_limit(vm->switcher ? 0 : vm->limit);
  return more;
}

static void hold(leaks *k) {
  lab_vm *vm = k->picture.x.vm;
  vm->leaks = k;
  lab_sched_hold(vm->sched, true);
  lab_gc_hold(true);
  k->picture.tasks = lab_goroutines_new("goroutineleak");
  k->next = lab_sched_tasks(vm->sched)->next;
  k->now = lab_clock_mono();
  k->phase = begin;
}

static void release(leaks *k) {
  lab_vm *vm = k->picture.x.vm;
  lab_reach_free(&k->reach, vm->L);
  lab_gc_hold(false);
  lab_sched_hold(vm->sched, false);
  vm->leaks = NULL;
}

/* A switch has come, and is not to wait for us. */
static bool makes_way(const leaks *k) {
  const lab_vm *vm = k->picture.x.vm;
  return (vm->switcher || vm->gotos) && !k->picture.request->insists;
}

static void answer(leaks *k) {
  lab_vm *vm = k->picture.x.vm;
  if (vm->leaks == k)
    release(k);
  if (k->picture.tasks)
    atomic_store(&found, lab_goroutines_count(k->picture.tasks));
  lab_vm_answer(vm, &k->picture.x);
}

static void deliver(lab_post *post) {
  leaks *k = LAB_CONTAINER(post, leaks, picture.x.post);
  lab_vm *vm = k->picture.x.vm;
  bool ends = lab_picture_ends(&k->picture), way = makes_way(k);
  if (ends || way) {
    k->picture.request->again = !ends;
    forget_tasks(k);
    answer(k);
    return;
  }
  if (!vm->leaks)
    hold(k);
  if (vm->leaks != k || slice(k)) /* another looks for them: after that */
    lab_sched_post(vm->sched, post);
  else
    answer(k);
}

/* ---- the profile --------------------------------------------------------- */

static void request(lab_profile_request *r) {
  leaks *k = lab_xcalloc(1, sizeof *k);
  lab_picture_ask(&k->picture, lab_picture_vm(), r, deliver);
}

/* Nobody knows without a walk: that of the last one, as in Go. */
static size_t count(void) {
  return atomic_load(&found);
}

static void mark(uint32_t generation) {
  (void)generation;
  atomic_store(&found, 0);
}

static const lab_profile_kind leak_kind = {
    .name = "goroutineleak",
    .description = "Stack traces of all leaked goroutines (here: tasks): they "
                   "wait for what nothing else can reach.",
    .count = count,
    .request = request,
    .free = lab_picture_free,
    .write = lab_picture_write,
    .write_text = lab_picture_write_text,
    .dump = &lab_picture_dump,
    .mark = mark,
};

void lab_leaks_register(void) {
  lab_registry_add(&leak_kind);
}
