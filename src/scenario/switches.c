/* SPDX-License-Identifier: MIT
 * See switches.h. */
#include "scenario/switches.h"

#include <errno.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/often.h"
#include "base/process.h"
#include "scenario/entry_watch.h"
#include "scenario/request.h"
#include "scenario/scenario.h"
#include "vm/allocation_stack.h"
#include "vm/preempt.h"
#include "vm/vm.h"

enum { WAITING_MAX = 20 }; /* each takes 25 ms, if its `enter` hangs */

static void begin_next_switch(lab_vm *vm);

/* Letters are delivered at the end of a slice of 10 ms of CPU time, if the task
 * can be parked. So many ns mean that it can't. */
static const uint64_t UNNOTICED_CPU = 30 * LAB_MILLISECOND;
/* Most system calls end sooner, and then the letter is delivered. */
static const uint64_t UNNOTICED_ASLEEP = 500 * LAB_MILLISECOND;

static lab_switches *get_switches(const lab_vm *vm) {
  return &vm->scenario->switches;
}

static lab_switch *switch_of_node(lab_mpsc_node *node) {
  lab_call *call = lab_call_of(LAB_CONTAINER(node, lab_post, node));
  return LAB_CONTAINER(call, lab_switch, call);
}

static bool is_sought(const lab_switch *x) {
  return atomic_load(&x->phase) == LAB_SWITCH_SOUGHT;
}

/* Whether a switch waits that others may have to make way for. */
static bool is_any_waiting(const lab_switches *s) {
  lab_mpsc_node *n = s->waiting;
  while (n && is_sought(switch_of_node(n)))
    n = n->next;
  return n != NULL;
}

/* For long work that makes way for a switch, also for the task that looks up
 * its step. `enter` may hang for ever, and somebody may want to know why. */
static void note_pending(lab_vm *vm) {
  const lab_switches *s = get_switches(vm);
  bool enters =
      s->task && atomic_load(&s->under_way->phase) == LAB_SWITCH_ENTERING;
  vm->switch_pending = s->task || s->waiting;
  vm->switch_urgent = s->waiting || (s->task && !enters);
}

/* What was read and isn't served by now never will be. */
static void set_new_generation(lab_vm *vm, uint32_t generation) {
  lab_switches *s = get_switches(vm);
  if (s->new_generation != vm->generation)
    lab_finalizers_end(vm, s->new_generation);
  s->new_generation = generation;
  lab_preempt_set_next(vm, generation);
}

static void set_answer(lab_switch *x, int status, const char *text,
                       size_t len) {
  x->status = status;
  lab_buf_clear(&x->reply);
  lab_buf_append(&x->reply, text, len);
}

/* ---- the end of a switch --------------------------------------------------
 */

static const char pushed_aside[] = "a later switch took its place";

/* A later switch didn't wait any longer. */
static void answer_pushed_aside(lab_switch *x) {
  lab_log("switch to step %d: %s", x->step, pushed_aside);
  set_answer(x, 503, pushed_aside, sizeof pushed_aside - 1);
}

/* Its client has nothing to interrupt any more; others have. */
static void answer_never_begun(lab_vm *vm, lab_switch *x) {
  lab_switches *s = get_switches(vm);
  pthread_mutex_lock(&s->lock);
  atomic_store(&x->phase, LAB_SWITCH_ENDED);
  pthread_mutex_unlock(&s->lock);
  lab_log_often("", "a switch was replaced before it began");
  set_answer(x, 503, pushed_aside, sizeof pushed_aside - 1);
  lab_call_answer(&x->call);
}

/* What its client still interrupts is no longer what it waits for. */
static void note_end(lab_vm *vm, lab_switch *x) {
  lab_switches *s = get_switches(vm);
  atomic_store(&s->leaving, false);
  pthread_mutex_lock(&s->lock);
  atomic_store(&x->phase, LAB_SWITCH_ENDED);
  lab_preempt_clear(vm);
  pthread_mutex_unlock(&s->lock);
}

static void end_tidying(lab_vm *vm, lab_lua_task *t, int status, int nresults) {
  (void)vm;
  (void)nresults;
  if (status != LUA_OK)
    lab_lua_log_failure("task", t);
}

static const lab_lua_task_kind tidy_kind = {.ended = end_tidying};

/* Protected. */
static int start_tidying(lua_State *L) {
  lab_vm *vm = lab_vm_of(L);
  lua_rawgeti(L, LUA_REGISTRYINDEX, get_switches(vm)->tidy);
  lab_lua_task *t = lab_lua_task_spawn(vm, L, 0, 0, &tidy_kind);
  lab_lua_task_set_own(vm, t, true);
  return 0;
}

/* A switch was cut short, and the one that it made way for doesn't begin, or
 * has no step to go to: what it took is given back now. The next switch
 * collects the garbage. */
static void tidy_up(lab_vm *vm) {
  lua_pushcfunction(vm->L, start_tidying);
  if (lua_pcall(vm->L, 0, 0, 0) != LUA_OK)
    lua_pop(vm->L, 1); /* then the next switch does it */
}

static void end_switch(lab_vm *vm, lab_lua_task *t, int status, int nresults) {
  lab_switches *s = get_switches(vm);
  lab_switch *x = s->under_way;
  size_t len = 0;
  bool entered = false;
  s->task = NULL;
  lab_entry_watch_end(vm);
  lab_allocation_end_loading(); /* it may have been cut short in scenario.lua */
  lab_memory_resume(vm);
  const char *text = lua_tolstring(t->co, -1, &len);
  if (status == LUA_OK) {
    int code = (int)lua_tointeger(t->co, -2);
    set_answer(x, nresults == 2 ? code : 500, text ? text : "", len);
    entered = code == 200;
  } else if (t->base.cancelled) {
    answer_pushed_aside(x);
  } else {
    lab_log("switch to step %d failed: %s", x->step, text ? text : "?");
    set_answer(x, 500, text ? text : "?", text ? len : 1);
  }
  note_end(vm, x);
  set_new_generation(vm, 0);
  lab_call_answer(&x->call);
  begin_next_switch(vm);
  if (!entered && !s->task)
    tidy_up(vm);
}

/* ---- the queue ------------------------------------------------------------
 */

static const lab_lua_task_kind switch_kind = {.ended = end_switch};

/* What may raise, protected, with the switch as argument. */
static int start_switch(lua_State *L) {
  lab_switch *x = lua_touserdata(L, 1);
  lab_vm *vm = x->call.vm;
  lab_switches *s = get_switches(vm);
  lua_rawgeti(L, LUA_REGISTRYINDEX, s->function);
  lua_pushinteger(L, x->step);
  lua_pushlstring(L, x->query, x->query_len);
  s->task = lab_lua_task_spawn(vm, L, 2, 0, &switch_kind);
  s->task->switches = true;
  lab_lua_task_set_own(vm, s->task, true);
  return 0;
}

static lab_switch *take_first(lab_vm *vm) {
  lab_switches *s = get_switches(vm);
  lab_mpsc_node *node = s->waiting;
  if (!node)
    return NULL;
  s->waiting = node->next;
  return switch_of_node(node);
}

/* False: it was withdrawn. What its client interrupts from now on is the step
 * that is left, not a switch. */
static bool note_beginning(lab_vm *vm, lab_switch *x) {
  lab_switches *s = get_switches(vm);
  int queued = LAB_SWITCH_QUEUED;
  pthread_mutex_lock(&s->lock);
  bool begins =
      atomic_compare_exchange_strong(&x->phase, &queued, LAB_SWITCH_BEGUN);
  lab_preempt_spare_switches(vm);
  pthread_mutex_unlock(&s->lock);
  return begins;
}

/* So many wait that the first ones would only be cut short for the next. */
static bool is_crowd_waiting(const lab_switches *s) {
  int n = 0;
  for (lab_mpsc_node *at = s->waiting; at && n < WAITING_MAX; at = at->next)
    n += atomic_load(&switch_of_node(at)->phase) == LAB_SWITCH_QUEUED;
  return n == WAITING_MAX;
}

/* Whether X has no chance to be what the lab is in when all have ended. */
static bool is_overtaken(lab_vm *vm, lab_switch *x) {
  const lab_switches *s = get_switches(vm);
  return (atomic_load(&x->unwanted) && is_any_waiting(s)) ||
         is_crowd_waiting(s);
}

static void begin_switch(lab_vm *vm, lab_switch *x) {
  if (!note_beginning(vm, x)) {
    x->status = 0; /* goes back without an answer */
    lab_call_answer(&x->call);
    return;
  }
  if (is_overtaken(vm, x)) {
    answer_never_begun(vm, x);
    return;
  }
  get_switches(vm)->under_way = x;
  set_new_generation(vm, 0);
  lab_memory_suspend(vm); /* a step that is full can still be left */
  lua_pushcfunction(vm->L, start_switch);
  lua_pushlightuserdata(vm->L, x);
  if (lua_pcall(vm->L, 1, 0, 0) == LUA_OK)
    return;
  lua_pop(vm->L, 1);
  lab_memory_resume(vm);
  set_answer(x, 500, LAB_LUA_NO_MEMORY, sizeof LAB_LUA_NO_MEMORY - 1);
  lab_call_answer(&x->call);
}

/* They keep their order: what is behind one that is sought waits for that. */
static void begin_next_switch(lab_vm *vm) {
  const lab_switches *s = get_switches(vm);
  while (!s->task && s->waiting && !is_sought(switch_of_node(s->waiting)))
    begin_switch(vm, take_first(vm));
  note_pending(vm);
}

/* ---- steps that aren't there ----------------------------------------------
 */

/* Where X stands in the line; NULL: all were dropped. */
static lab_mpsc_node **find_waiting(lab_vm *vm, const lab_switch *x) {
  lab_mpsc_node **at = &get_switches(vm)->waiting;
  while (*at && switch_of_node(*at) != x)
    at = &(*at)->next;
  return *at ? at : NULL;
}

/* If it can't be told, the switch itself will tell. */
static void end_seeking(lab_vm *vm, lab_lua_task *t, int status, int nresults) {
  lab_switch *x = t->user;
  lab_mpsc_node **at = find_waiting(vm, x);
  size_t len = 0;
  if (!at)
    return;
  const char *text = lua_tolstring(t->co, -1, &len);
  if (status == LUA_OK && nresults == 2 && text) {
    *at = (*at)->next;
    set_answer(x, (int)lua_tointeger(t->co, -2), text, len);
    atomic_store(&x->phase, LAB_SWITCH_ENDED);
    lab_call_answer(&x->call);
  } else {
    atomic_store(&x->phase, LAB_SWITCH_QUEUED);
  }
  begin_next_switch(vm);
}

static const lab_lua_task_kind seek_kind = {.ended = end_seeking};

/* Protected, with the switch as argument. */
static int start_seeking(lua_State *L) {
  lab_switch *x = lua_touserdata(L, 1);
  lab_vm *vm = x->call.vm;
  lua_rawgeti(L, LUA_REGISTRYINDEX, get_switches(vm)->why_no_step);
  lua_pushinteger(L, x->step);
  lab_lua_task *t = lab_lua_task_spawn(vm, L, 1, 0, &seek_kind);
  t->user = x;
  lab_lua_task_set_own(vm, t, true);
  return 0;
}

/* Others are there. So nothing is interrupted for X, and none is cut short,
 * until its step is found. Step 0 is always there. */
static void seek_step(lab_vm *vm, lab_switch *x) {
  int queued = LAB_SWITCH_QUEUED;
  if (x->step == 0 ||
      !atomic_compare_exchange_strong(&x->phase, &queued, LAB_SWITCH_SOUGHT))
    return;
  lua_pushcfunction(vm->L, start_seeking);
  lua_pushlightuserdata(vm->L, x);
  if (lua_pcall(vm->L, 1, 0, 0) == LUA_OK)
    return;
  lua_pop(vm->L, 1);
  atomic_store(&x->phase, LAB_SWITCH_QUEUED);
}

static void deliver_switch(lab_post *post) {
  lab_vm *vm = lab_call_of(post)->vm;
  lab_switches *s = get_switches(vm);
  bool is_alone = !s->task && !s->waiting;
  lab_mpsc_node **last = &s->waiting;
  while (*last)
    last = &(*last)->next;
  post->node.next = NULL;
  *last = &post->node;
  atomic_fetch_add(&s->noticed, 1);
  if (!is_alone)
    seek_step(vm, switch_of_node(&post->node));
  begin_next_switch(vm);
}

static void drop_switch(lab_switch *x) {
  static const char text[] = "the lab is stopping";
  if (atomic_load(&x->phase) == LAB_SWITCH_WITHDRAWN)
    x->status = 0;
  else
    set_answer(x, 503, text, sizeof text - 1);
  lab_call_answer(&x->call);
}

void lab_switches_drop_all(lab_vm *vm) {
  lab_switches *s = get_switches(vm);
  if (s->task)
    drop_switch(s->under_way);
  s->task = NULL;
  for (lab_switch *x; (x = take_first(vm));)
    drop_switch(x);
  note_pending(vm);
}

uint32_t lab_switches_new_generation(lab_vm *vm) {
  uint32_t generation = ++get_switches(vm)->last_generation;
  set_new_generation(vm, generation);
  return generation;
}

void lab_switches_give_up(lab_vm *vm) {
  set_new_generation(vm, 0);
}

void lab_switches_set_phase(lab_vm *vm, lab_switch_phase phase) {
  lab_switches *s = get_switches(vm);
  if (s->task && vm->running == s->task) {
    atomic_store(&s->under_way->phase, phase);
    atomic_store(&s->leaving, phase >= LAB_SWITCH_LEAVING);
  }
  note_pending(vm);
}

/* ---- interruptions --------------------------------------------------------
 */

/* One that came a moment ago may go again. */
static bool does_anybody_wait(const lab_switches *s) {
  for (lab_mpsc_node *n = s->waiting; n; n = n->next) {
    const lab_switch *x = switch_of_node(n);
    if (atomic_load(&x->hurried) && !atomic_load(&x->unwanted) && !is_sought(x))
      return true;
  }
  return false;
}

/* What the switch under way does for the step ends before other tasks run on,
 * however many they are. */
static void cancel_switch(lab_vm *vm, lab_lua_task *t) {
  lab_lua_task_cancel(vm, t);
  lab_task_urge(vm->sched, &t->base, true);
}

/* Cancels a switch that takes too long while somebody waits for another one.
 * The step that is served keeps its requests until it is left. */
static void hurry_switches(lab_vm *vm) {
  const lab_switches *s = get_switches(vm);
  if (!s->task)
    return;
  int phase = atomic_load(&s->under_way->phase);
  if (s->task != vm->running && does_anybody_wait(s))
    cancel_switch(vm, s->task);
  if (phase == LAB_SWITCH_LEAVING ||
      (phase == LAB_SWITCH_ENTERING && is_any_waiting(s)))
    lab_requests_cancel_ready(vm);
}

static void deliver_hurry(lab_post *post) {
  lab_scenario *s = LAB_CONTAINER(post, lab_scenario, switches.hurry);
  /* In this order: an interruption that comes in between posts again, or comes
   * while no task runs. */
  atomic_store(&s->switches.hurry_sent, false);
  atomic_fetch_add(&s->switches.noticed, 1);
  lab_preempt_clear(s->vm);
  hurry_switches(s->vm);
}

/* Interrupts what X waits for. */
static void interrupt_for(lab_vm *vm, const lab_switch *x, bool wanted) {
  lab_switches *s = get_switches(vm);
  pthread_mutex_lock(&s->lock);
  int phase = x ? atomic_load(&x->phase) : LAB_SWITCH_QUEUED;
  if (phase != LAB_SWITCH_ENDED && phase != LAB_SWITCH_SOUGHT)
    lab_preempt_interrupt(vm, wanted && phase == LAB_SWITCH_QUEUED);
  pthread_mutex_unlock(&s->lock);
}

static void note_sent(const lab_vm *vm, lab_switch *x) {
  x->noticed = atomic_load(&get_switches(vm)->noticed);
  x->told_at = lab_clock_mono();
  x->told_cpu = lab_preempt_cpu(vm);
}

/* The old step is served, and perhaps will be: X interrupts it only if the VM
 * has taken no notice of the last letter for X that it could have noticed. A
 * letter wakes the VM where it waits for one, so one that sleeps then is in a
 * system call. */
static bool may_wait(const lab_vm *vm, lab_switch *x) {
  const lab_switches *s = get_switches(vm);
  if (atomic_load(&s->leaving))
    return false;
  if (x->noticed != atomic_load(&s->noticed)) {
    note_sent(vm, x);
    return true;
  }
  bool busy = lab_preempt_cpu(vm) - x->told_cpu > UNNOTICED_CPU;
  bool late = lab_clock_mono() - x->told_at > UNNOTICED_ASLEEP;
  return !busy && !(late && lab_process_is_asleep(vm->thread->tid));
}

bool lab_switches_interrupt(lab_vm *vm, lab_switch *x) {
  lab_switches *s = get_switches(vm);
  bool wanted = !x || !atomic_load(&x->unwanted);
  if (x)
    atomic_store(&x->hurried, wanted);
  if (x && is_sought(x))
    return false;
  bool interrupts = !x || !may_wait(vm, x);
  if (interrupts)
    interrupt_for(vm, x, wanted);
  if (!atomic_exchange(&s->hurry_sent, true)) {
    s->hurry.deliver = deliver_hurry;
    lab_sched_post(vm->sched, &s->hurry);
  }
  return interrupts;
}

/* ---- the control thread -------------------------------------------------- */

void lab_switch_send(lab_vm *vm, lab_switch *x) {
  atomic_store(&x->phase, LAB_SWITCH_QUEUED);
  note_sent(vm, x);
  lab_call_send(vm, &x->call, deliver_switch);
}

void lab_switch_set_unwanted(lab_switch *x) {
  atomic_store(&x->unwanted, true);
}

bool lab_switch_has_left(const lab_switch *x) {
  return atomic_load(&x->phase) >= LAB_SWITCH_ENTERING;
}

bool lab_switch_is_stuck(lab_vm *vm, const lab_switch *x, lab_err *why) {
  /* Calls are delivered whenever a task makes way. */
  if (!atomic_load(&get_switches(vm)->hurry_sent) ||
      lab_preempt_is_in_switch(vm))
    return false;
  char what[256];
  lab_preempt_obstacle(vm, "a task", what, sizeof what);
  lab_err_set(why, -EBUSY, "%s; step %d follows when that ends", what, x->step);
  return true;
}

bool lab_switch_withdraw(lab_vm *vm, lab_switch *x, lab_err *why) {
  int queued = LAB_SWITCH_QUEUED;
  if (!atomic_compare_exchange_strong(&x->phase, &queued, LAB_SWITCH_WITHDRAWN))
    return false;
  char step[32], what[256];
  snprintf(step, sizeof step, "step %d", lab_shown_number(vm));
  lab_preempt_obstacle(vm, step, what, sizeof what);
  lab_err_set(why, -EBUSY, "%s; still in %s, try again", what, step);
  return true;
}
