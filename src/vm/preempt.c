/* SPDX-License-Identifier: MIT
 * See preempt.h.
 *
 * Threads: the VM's; its signal handler interrupts it. */
#include "vm/preempt.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <ucontext.h>

#include "base/clock.h"
#include "stack/unwind.h"
#include "vm/gc.h"
#include "vm/hook.h"
#include "vm/leaf_code.h"
#include "vm/load.h"
#include "vm/lualayout.h"
#include "vm/sampler.h"
#include "vm/vm.h"
#include "vm/walk.h"

enum {
  RETRY_COUNT = 1000, /* instructions, when a task can't be yielded */
  CATCHES = 15        /* of the error that ends a task */
};
static const long SLICE_NS = 10 * 1000 * 1000;
static const long RETRY_NS = 500 * 1000; /* to raise in the handler */
/* Code that takes no notice of an interruption for so long is in C. */
static const uint64_t STARVED_NS = 10 * LAB_MILLISECOND;

static struct {
  lab_vm *vm;
  volatile sig_atomic_t slice_over;
  timer_t slice;
  bool has_slice; /* that timer exists */
} preempt;

/* ---- cancelled tasks ----------------------------------------------------- */

atomic_int lab_preempt_ending;

/* A hundred thousand calls of pcall may be under way, one within another: after
 * an error Lua can go on below the depth to which C functions may be nested.
 * Each of them would catch the error, and Lua looks at the whole stack each
 * time: a minute in all. So only the outermost one catches it from now on. */
static void leave_outermost_catch(lua_State *L) {
  const lab_layout_state *s = (const lab_layout_state *)(const void *)L;
  lab_layout_call *inner = NULL;
  if (!lab_layout_fits())
    return;
  for (lab_layout_call *call = s->call; call != &s->base;
       call = call->previous) {
    if (!(call->status & lab_lua_layout.call_recovers))
      continue;
    if (inner)
      inner->status &= (unsigned short)~lab_lua_layout.call_recovers;
    inner = call;
  }
}

/* When a step is left, a million tasks may come here at once. So that message
 * doesn't name the place: a million strings would have the collector run, and
 * the collector can't be interrupted. */
static int raise_cancelled(lua_State *L) {
  lab_lua_task *t = lab_vm_of(L)->running;
  if (t->catches < CATCHES)
    t->catches++;
  else
    leave_outermost_catch(t->co);
  if (t->told_by_script)
    return luaL_error(L, "task cancelled");
  lua_pushliteral(L, "the step was left");
  return lua_error(L);
}

void lab_lua_check_cancelled(lua_State *L) {
  lab_vm *vm = lab_vm_of(L);
  if (vm && vm->running && vm->running->base.cancelled)
    raise_cancelled(L);
}

/* ---- in the hook --------------------------------------------------------- */

static bool is_cancelled(void) {
  return preempt.vm && preempt.vm->running &&
         preempt.vm->running->base.cancelled;
}

/* The running task makes way at the end of its slice; the caller yields. Who
 * wants to know where it is asks for its stack (lab_lua_task_stack). */
static void end_slice(void) {
  preempt.slice_over = 0;
  lab_task_ready(preempt.vm->sched, &preempt.vm->running->base);
}

/* The slice is over: parks the running task, if that is possible here. Who
 * wants to watch needn't wait until it is. */
static void yield_task(lua_State *L, lua_Debug *ar) {
  lab_lua_task *t = preempt.vm->running;
  lab_sched_look_ahead(preempt.vm->sched);
  if (!t || t->co != L)
    return; /* a coroutine of the script's own, which must not yield here */
  if (ar->event != LUA_HOOKCOUNT) { /* the next instruction will do */
    lab_hook_arm_count(L, 1);
    return;
  }
  if (!lua_isyieldable(L)) {
    lab_hook_arm_count(L, RETRY_COUNT);
    return;
  }
  end_slice();
  lua_yield(L, 0);
}

static void act_in_hook(lua_State *L, lua_Debug *ar) {
  if (is_cancelled()) { /* armed again, in case a pcall catches the error */
    lab_hook_arm(L);
    raise_cancelled(L);
  }
  if (preempt.slice_over)
    yield_task(L, ar);
}

/* ---- in a long C function ------------------------------------------------ */

/* Outside the VM no signal ends what runs: whoever has set a hook looks. */
static void call_hook(lua_State *L) {
  lua_Debug ar = {.event = LUA_HOOKCOUNT, .currentline = -1};
  lua_Hook hook = lua_gethook(L);
  if (hook)
    hook(L, &ar);
}

void lab_lua_look_around(lua_State *L) {
  if (!lab_vm_of(L)) {
    call_hook(L);
    return;
  }
  lab_lua_check_cancelled(L);
  lab_sampler_settle(L);
}

/* Before a slice of a chunk is compiled. */
static void look_in_parser(lua_State *L) {
  if (lua_checkstack(L, LUA_MINSTACK))
    lab_lua_look_around(L);
}

bool lab_preempt_is_slice_over(void) {
  return preempt.slice_over;
}

bool lab_lua_may_make_way(lua_State *L) {
  const lab_lua_task *t = preempt.vm ? preempt.vm->running : NULL;
  return t && t->co == L && lua_isyieldable(L);
}

int lab_lua_make_way(lua_State *L, lua_KContext ctx, lua_KFunction k) {
  end_slice();
  return lua_yieldk(L, 0, ctx, k);
}

/* The signal's handler cancels a task that is to be left. Where none runs it is
 * a call that collects, for a profile. One that is stuck is also unwanted where
 * the lab's own task collects, which no signal cancels; and while requests of a
 * step that was left have some time to end: what it is stuck at may be theirs,
 * and is gone then. */
static bool is_collection_unwanted(bool stuck) {
  const lab_vm *vm = preempt.vm;
  if (!vm)
    return false;
  if (stuck && (vm->leaving > 0 || atomic_load(lab_preempt_interruption(vm))))
    return true;
  return vm->running ? is_cancelled()
                     : atomic_load(lab_preempt_interruption(vm));
}

/* ---- where the VM is ----------------------------------------------------- */

/* The name of the C function that keeps the VM: the innermost one of the lab's
 * or of Lua's library. */
static _Atomic(const char *) where;
static atomic_bool where_asked;
static atomic_bool is_where_foreign; /* code of somebody else's is there */

static void note_where(const void *context) {
  lab_frame native[LAB_UNWIND_MAX];
  size_t n = lab_unwind_signal(context, native, LAB_UNWIND_MAX, true, NULL);
  const char *name = NULL;
  for (size_t i = 0; i < n && !name; i++) {
    uintptr_t pc = (uintptr_t)native[i] - (i > 0);
    lab_code code = lab_code_class(pc);
    if (code == LAB_CODE_OWN || code == LAB_CODE_LUA_LIB ||
        code == LAB_CODE_LOADED)
      name = lab_code_name(pc, NULL);
  }
  atomic_store(&where, name);
  atomic_store(&is_where_foreign, !lab_leaf_code_is_known(native, n));
}

void lab_preempt_ask_where(lab_vm *vm) {
  atomic_store(&where, NULL);
  atomic_store(&where_asked, true);
  pthread_kill(vm->thread->handle, SIGURG);
}

void lab_preempt_where(char *out, size_t size) {
  const char *name = atomic_load(&where);
  snprintf(out, size, "%s", name ? name : "C code");
}

uint64_t lab_preempt_cpu(const lab_vm *vm) {
  clockid_t clock;
  if (pthread_getcpuclockid(vm->thread->handle, &clock))
    return 0;
  return lab_clock_read(clock);
}

static uint64_t read_cpu_since(const lab_vm *vm) {
  return lab_preempt_cpu(vm) - vm->preempt.cpu_when_interrupted;
}

bool lab_preempt_is_starved(const lab_vm *vm) {
  return read_cpu_since(vm) < STARVED_NS;
}

void lab_preempt_obstacle(const lab_vm *vm, const char *who, char *out,
                          size_t size) {
  char name[128];
  if (read_cpu_since(vm) < LAB_MILLISECOND) {
    snprintf(out, size, "the machine is too busy to run %s", who);
    return;
  }
  lab_preempt_where(name, sizeof name);
  snprintf(out, size, "%s is in %s, which can't be interrupted", who, name);
}

/* ---- interruptions ------------------------------------------------------- */

void lab_preempt_interrupt(lab_vm *vm, bool switches) {
  if (switches)
    atomic_store(&vm->preempt.interrupt[true], true);
  atomic_store(&is_where_foreign, false);
  vm->preempt.cpu_when_interrupted = lab_preempt_cpu(vm);
  atomic_store(&vm->preempt.interrupt[false], true);
  pthread_kill(vm->thread->handle, SIGURG);
}

void lab_preempt_spare_switches(lab_vm *vm) {
  atomic_store(&vm->preempt.interrupt[true], false);
}

void lab_preempt_clear(lab_vm *vm) {
  atomic_store(&vm->preempt.interrupt[false], false);
  lab_preempt_spare_switches(vm);
}

void lab_preempt_set_next(lab_vm *vm, uint32_t generation) {
  vm->preempt.next = generation;
}

/* It switches steps, or belongs to the step that is read or entered. */
static bool is_part_of_switch(const lab_vm *vm, const lab_lua_task *t) {
  return t->switches ||
         (vm->preempt.next && t->base.generation == vm->preempt.next);
}

const atomic_bool *lab_preempt_interruption(const lab_vm *vm) {
  const lab_lua_task *t = vm->running;
  return &vm->preempt.interrupt[t && is_part_of_switch(vm, t)];
}

bool lab_preempt_is_foreign(void) {
  return atomic_load(&is_where_foreign);
}

bool lab_preempt_is_in_switch(lab_vm *vm) {
  return atomic_load(&vm->preempt.in_switch);
}

/* ---- SIGURG -------------------------------------------------------------- */

/* The first signal comes after NS of the thread's CPU time. */
static int set_slice_timer(long ns) {
  const struct itimerspec when = {{0, SLICE_NS}, {0, ns}};
  return timer_settime(preempt.slice, 0, &when, NULL) ? -errno : 0;
}

/* A task of the lab's own gives back what a step took, so it must come to its
 * end. It is short, and runs nothing of the scenario's. */
static bool may_be_interrupted(const lab_lua_task *t) {
  return !t->own || t->switches;
}

/* Raises in the handler, whose signals are blocked until the mask is put back.
 * The samples that are pending are those of the code that is left. Where this
 * isn't possible the next signal comes soon. */
static void try_to_raise(lua_State *L, const ucontext_t *context) {
  if (!lab_leaf_code_may_raise(context)) {
    if (preempt.has_slice)
      set_slice_timer(RETRY_NS);
    return;
  }
  pthread_sigmask(SIG_SETMASK, &context->uc_sigmask, NULL);
  if (lua_checkstack(L, LUA_MINSTACK))
    lab_sampler_settle(L);
  raise_cancelled(L);
}

static void handle_sigurg(int sig, siginfo_t *info, void *context) {
  (void)sig;
  (void)info;
  int saved = errno;
  lab_resumed *top = lab_resumed_top;
  lab_vm *vm = preempt.vm;
  if (vm)
    lab_sched_note_time(vm->sched);
  if (vm && atomic_exchange(&where_asked, false))
    note_where(context);
  if (vm && top && vm->running && !lab_sampler_is_busy()) {
    if (atomic_load(lab_preempt_interruption(vm)) &&
        may_be_interrupted(vm->running)) {
      note_where(context);
      vm->running->base.cancelled = true;
      if (vm->running->job) /* it runs here */
        atomic_store(&vm->running->job->cancelled, true);
    }
    if (lab_sched_wanted(vm->sched))
      preempt.slice_over = 1;
    if (preempt.slice_over || is_cancelled())
      lab_hook_arm(top->L);
    bool ending = is_cancelled();
    atomic_store_explicit(&lab_preempt_ending, ending, memory_order_relaxed);
    if (ending) {
      errno = saved;
      try_to_raise(top->L, context);
    }
  }
  errno = saved;
}

/* ---- attaching ----------------------------------------------------------- */

static int start_slices(void) {
  struct sigaction sa = {.sa_sigaction = handle_sigurg,
                         .sa_flags = SA_SIGINFO | SA_RESTART};
  sigemptyset(&sa.sa_mask);
  sigaddset(&sa.sa_mask, SIGPROF);
  if (sigaction(SIGURG, &sa, NULL))
    return -errno;
  struct sigevent ev;
  memset(&ev, 0, sizeof ev);
  ev.sigev_notify = SIGEV_THREAD_ID;
  ev.sigev_signo = SIGURG;
  ev._sigev_un._tid = lab_thread_self()->tid;
  /* The thread's CPU clock: no wake-ups while nothing runs. */
  if (timer_create(CLOCK_THREAD_CPUTIME_ID, &ev, &preempt.slice))
    return -errno;
  preempt.has_slice = true;
  return set_slice_timer(SLICE_NS);
}

int lab_preempt_attach(lab_vm *vm) {
  lab_leaf_code_init();
  preempt.vm = vm;
  lab_hook_set_preempt(act_in_hook);
  lab_load_set_look(look_in_parser);
  lab_gc_set_unwanted(is_collection_unwanted);
  return start_slices();
}

void lab_preempt_detach(void) {
  if (preempt.has_slice)
    timer_delete(preempt.slice);
  preempt.has_slice = false;
  preempt.vm = NULL;
  lab_hook_set_preempt(NULL);
  lab_load_set_look(NULL);
  lab_gc_set_unwanted(NULL);
}

void lab_preempt_begin_slice(lab_vm *vm, const lab_lua_task *t) {
  atomic_store_explicit(&vm->preempt.in_switch, t->switches,
                        memory_order_relaxed);
  preempt.slice_over = 0;
  atomic_store_explicit(&lab_preempt_ending, t->base.cancelled,
                        memory_order_relaxed);
}
