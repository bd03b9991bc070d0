/* SPDX-License-Identifier: MIT
 * See leak_profile.h.
 *
 * It is found by a walk over all that Lua can reach (reach.h). The walk starts
 * at the registry, but not at the table that keeps tasks' coroutines alive, and
 * at the tasks that go on by themselves: those that can run, sleep, or wait for
 * a worker, the network or, never for ever, a pool. When a lock, channel or
 * task is met, the tasks that are parked on it count as met, too. A task that
 * was not met in the end is leaked.
 *
 * What is not seen: a task that waits for what a global still refers to, though
 * no code will use it, is not in the profile (as in Go), and neither is one
 * whose Task object can be reached, for that could cancel it. A task that only
 * a finalizer would wake, which has not run yet, is in it.
 *
 *   deliver -> begin -> slice -> slice ... -> answer
 *
 * No task runs meanwhile, and the collector stands still; but calls are
 * delivered between the slices, so the lab goes on answering /debug. When steps
 * are to be switched, the walk gives up: its client has to ask again.
 *
 * A call may cancel a task: one that would have been leaked then isn't in the
 * profile, but those that wait for it are, as they were leaked at that moment.
 *
 * Threads: the VM's; request: the control thread. */
#include "inspect/leak_profile.h"

#include <stdio.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/log.h"
#include "inspect/reach.h"
#include "inspect/task_snapshot.h"
#include "prof/goroutine.h"
#include "prof/registry.h"
#include "vm/gc.h"
#include "vm/lualayout.h"
#include "vm/vm.h"

static const uint64_t SLICE_NS = 2 * LAB_MILLISECOND;
enum { BETWEEN_LOOKS = 64 }; /* tasks between two looks at the clock */

typedef struct leaks {
  lab_task_snapshot snapshot; /* no tasks: not begun */
  lab_reach reach;
  /* What is being done now; returns false when everything is done. */
  bool (*phase)(struct leaks *k, lua_State *L, uint64_t until);
  const lab_list *next; /* in the list: where this phase goes on */
  uint64_t now;         /* the moment: mono ns */
} leaks;

static leaks *under_way; /* or NULL */

/* How many leaked tasks the last walk in this step found. */
static atomic_size_t found;

/* ---- what tasks wait for --------------------------------------------------
 */

static bool may_be_leaked(const lab_lua_task *t) {
  if (t->base.state != LAB_TASK_WAITING || t->own || t->base.cancelled ||
      t->base.heap > 0) /* it waits no longer than some time */
    return false;
  return t->base.wait >= LAB_WAIT_JOIN && t->base.wait <= LAB_WAIT_SELECT_EMPTY;
}

static void note_wait(leaks *k, lab_lua_task *t, int at) {
  if (lua_type(t->co, at) == LUA_TUSERDATA)
    lab_reach_waits(&k->reach, lua_topointer(t->co, at), t->co);
}

/* What T is parked on is the first argument of its innermost function. The
 * channels of a select are in every second slot from the third on, see
 * lualib/channel.c. A task that joins another one waits for its coroutine. */
static void note_waits(leaks *k, lua_State *L, lab_lua_task *t) {
  (void)L;
  if (!may_be_leaked(t))
    return;
  if (t->base.wait == LAB_WAIT_JOIN) {
    lab_reach_waits(&k->reach, lab_lua_task_of_handle(t->co, 1)->co, t->co);
  } else if (t->base.wait == LAB_WAIT_SELECT) {
    for (int at = 3; at <= lua_gettop(t->co); at += 2)
      note_wait(k, t, at);
  } else {
    note_wait(k, t, 1);
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
    lab_task_snapshot_add(&k->snapshot, t, k->now);
}

/* ---- the phases ---------------------------------------------------------- */

/* Calls DOES for the tasks that are left, until the time UNTIL. Returns false
 * when it has been called for all. */
static bool visit_tasks(leaks *k, lua_State *L, uint64_t until,
                        void (*does)(leaks *k, lua_State *L, lab_lua_task *t)) {
  const lab_list *all = lab_sched_tasks(k->snapshot.call.vm->sched);
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
  return visit_tasks(k, L, until, note_leaked);
}

static bool walk_objects(leaks *k, lua_State *L, uint64_t until) {
  if (lab_reach_walk(&k->reach, L, until))
    return true;
  k->phase = note_all_leaked;
  return note_all_leaked(k, L, until);
}

static bool note_all_live(leaks *k, lua_State *L, uint64_t until) {
  if (visit_tasks(k, L, until, note_live))
    return true;
  k->phase = walk_objects;
  return walk_objects(k, L, until);
}

static bool note_all_waits(leaks *k, lua_State *L, uint64_t until) {
  if (visit_tasks(k, L, until, note_waits))
    return true;
  lua_pushvalue(L, LUA_REGISTRYINDEX);
  lab_reach_root(&k->reach, L);
  k->phase = note_all_live;
  return note_all_live(k, L, until);
}

static bool begin_walk(leaks *k, lua_State *L, uint64_t until) {
  lab_reach_begin(&k->reach, L);
  lab_coroutine_push_anchors(L);
  lab_reach_skip(&k->reach, lua_topointer(L, -1));
  lua_pop(L, 1);
  k->phase = note_all_waits;
  return note_all_waits(k, L, until);
}

/* ---- slices -------------------------------------------------------------- */

/* Protected: (leaks) -> whether there is more. */
static int run_leak_phase(lua_State *L) {
  leaks *k = lua_touserdata(L, 1);
  if (!lab_layout_fits())
    return luaL_error(L, "this Lua's stacks can't be read");
  lua_pushboolean(L, k->phase(k, L, lab_clock_mono() + SLICE_NS));
  return 1;
}

static void forget_tasks(leaks *k) {
  lab_goroutines_free(k->snapshot.tasks);
  k->snapshot.tasks = NULL;
}

/* The walk needs memory. It gets it even when the step has used up its limit:
 * then somebody wants to know which tasks hold the memory. */
static bool run_leak_slice(leaks *k) {
  lab_vm *vm = k->snapshot.call.vm;
  lab_profile_request *r = k->snapshot.request;
  lab_memory_lift(vm);
  lua_pushcfunction(vm->L, run_leak_phase);
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
  lab_memory_impose(vm);
  return more;
}

static void hold_tasks(leaks *k) {
  lab_vm *vm = k->snapshot.call.vm;
  under_way = k;
  lab_sched_hold(vm->sched, true);
  lab_gc_hold(true);
  k->snapshot.tasks = lab_goroutines_new("goroutineleak");
  k->next = lab_sched_tasks(vm->sched)->next;
  k->now = lab_clock_mono();
  k->phase = begin_walk;
}

static void release_tasks(leaks *k) {
  lab_vm *vm = k->snapshot.call.vm;
  lab_reach_free(&k->reach, vm->L);
  lab_gc_hold(false);
  lab_sched_hold(vm->sched, false);
  under_way = NULL;
}

/* A switch waits, which is more urgent than the walk. */
static bool must_make_way(const leaks *k) {
  const lab_vm *vm = k->snapshot.call.vm;
  return k->snapshot.request->insists ? vm->switch_urgent : vm->switch_pending;
}

static void answer_leaks(leaks *k) {
  if (under_way == k)
    release_tasks(k);
  if (k->snapshot.tasks)
    atomic_store(&found, lab_goroutines_count(k->snapshot.tasks));
  lab_call_answer(&k->snapshot.call);
}

static void deliver_leaks(lab_post *post) {
  leaks *k = LAB_CONTAINER(post, leaks, snapshot.call.post);
  lab_vm *vm = k->snapshot.call.vm;
  bool ends = lab_task_snapshot_is_unwanted(&k->snapshot),
       way = must_make_way(k);
  if (ends || way) {
    k->snapshot.request->again = !ends;
    forget_tasks(k);
    answer_leaks(k);
    return;
  }
  if (!under_way)
    hold_tasks(k);
  if (under_way != k ||
      run_leak_slice(k)) /* another looks for them: after that */
    lab_sched_post(vm->sched, post);
  else
    answer_leaks(k);
}

/* ---- the profile --------------------------------------------------------- */

static void request_leaks(lab_profile_request *r) {
  leaks *k = lab_xcalloc(1, sizeof *k);
  lab_task_snapshot_ask(&k->snapshot, lab_task_snapshot_vm(), r, deliver_leaks);
}

/* Only a walk can tell, so this is the number that the last one found, as in
 * Go. */
static size_t count_found(const lab_profile_kind *kind) {
  (void)kind;
  return atomic_load(&found);
}

static void forget_found(const lab_profile_kind *kind, uint32_t generation) {
  (void)kind;
  (void)generation;
  atomic_store(&found, 0);
}

static const lab_profile_kind leak_kind = {
    .name = "goroutineleak",
    .description = "Stack traces of the goroutines (here: tasks) that are "
                   "certainly leaked: they wait for what nothing else can "
                   "reach. One that waits for a lock or a channel that a "
                   "variable still refers to isn't among them, even if nobody "
                   "will ever use that variable: somebody could. Compare with "
                   "goroutine.",
    .count = count_found,
    .request = request_leaks,
    .free = lab_task_snapshot_free,
    .write = lab_task_snapshot_write,
    .write_text = lab_task_snapshot_write_text,
    .dump = &lab_task_snapshot_dump,
    .mark = forget_found,
};

bool lab_leak_profile_is_under_way(void) {
  return under_way != NULL;
}

void lab_leak_profile_register(void) {
  lab_registry_add(&leak_kind);
}
