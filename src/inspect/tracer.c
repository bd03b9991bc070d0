/* SPDX-License-Identifier: MIT
 * See tracer.h. In a trace every task is a goroutine, every request is a user
 * task, and workers' jobs are system calls.
 *
 * The scheduler's sink is in place only while there is a trace. It belongs to
 * the VM's thread, so messages (tr.on, tr.off) add and remove it there. They
 * arrive in order: the VM learns of the end of a trace before the next one
 * begins. So a trace begins between two tasks, with a snapshot: every task is
 * created, started, and parked at the stack where it waits. That gives a name
 * also to tasks that never run again.
 *
 * When the sink is called, the Lua code that caused the change is still on the
 * stack. So nobody has to pass on which task woke another one, and where.
 *
 * Threads: the VM's, except where it says otherwise. */
#include "inspect/tracer.h"

#include <errno.h>

#include "mem/mem.h"
#include "mem/memstats.h"
#include "prof/attempt.h"
#include "prof/cpu.h"
#include "prof/export.h"
#include "stack/stack.h"
#include "vm/vm.h"
#include "vm/walk.h"

enum { ENTRIES = 64 }; /* a power of two */

static struct {
  lab_vm *vm;
  lab_task_sink tasks;
  lab_worker_sink workers;
  bool present; /* the sinks are in place */
  lab_post on, off;
  atomic_bool on_sent, off_sent;
  uint32_t timer, worker, network, task_end, wakeup; /* stacks */
  /* The stack of one frame for a function, by its id: (id, stack). */
  uint32_t entries[ENTRIES][2];
} tr;

/* ---- stacks -------------------------------------------------------------- */

/* The stack of the Lua code that runs now, or 0. */
static uint32_t walk_running(void) {
  return lab_resumed_top ? lab_walk(lab_resumed_top->L, 0) : 0;
}

/* Goroutines are grouped by the place where their function is defined. */
static uint32_t intern_entry_stack(uint32_t func) {
  uint32_t *entry = tr.entries[func % ENTRIES];
  if (entry[0] != func || !lab_stack_keep(entry[1])) {
    const lab_func *f = lab_func_get(func);
    lab_frame frame = lab_frame_script(func, f ? f->line : 0);
    entry[0] = func;
    entry[1] = lab_stack_intern(&frame, 1);
  }
  return entry[1];
}

/* The function that T will call, for a task that has not begun: it is at the
 * bottom of its stack. */
static uint32_t find_first_function(const lab_lua_task *t) {
  int line;
  if (lua_gettop(t->co) == 0 || !lua_isfunction(t->co, 1))
    return 0;
  return lab_walk_function(t->co, 1, &line);
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

static uint32_t find_entry(const lab_lua_task *t, uint32_t stack) {
  uint32_t func;
  if (stack && stack == t->base.created_by)
    func = find_timer_function(stack);
  else
    func = stack ? find_last_function(stack) : find_first_function(t);
  return func ? intern_entry_stack(func) : 0;
}

/* What woke a task that no other task woke: a stack. */
static uint32_t find_wakeup(const lab_task *task) {
  if (task->expired)
    return tr.timer;
  switch ((lab_wait)task->wait) {
  case LAB_WAIT_SLEEP:
    return tr.timer;
  case LAB_WAIT_WORKER:
    return tr.worker;
  case LAB_WAIT_NET:
    return tr.network;
  case LAB_WAIT_JOIN:
    return tr.task_end;
  default:
    return tr.wakeup;
  }
}

/* ---- requests ------------------------------------------------------------ */

/* A request that began before the trace. */
static void show_request(const lab_lua_task *t) {
  char name[LAB_TASK_NAME];
  t->kind->name(t, name, sizeof name);
  lab_trace_task_begin(t->base.user_task, 0, name, tr.network, 0);
}

/* ---- tasks --------------------------------------------------------------- */

static lab_trace_why map_wait(lab_wait why) {
  switch (why) {
  case LAB_WAIT_SLEEP:
    return LAB_TRACE_SLEEP;
  case LAB_WAIT_WORKER:
    return LAB_TRACE_SYSCALL;
  case LAB_WAIT_MUTEX:
  case LAB_WAIT_RLOCK:
  case LAB_WAIT_WLOCK:
  case LAB_WAIT_POOL:
  case LAB_WAIT_WAIT_GROUP: /* as Go's semaphores are */
    return LAB_TRACE_SYNC;
  case LAB_WAIT_SEND:
    return LAB_TRACE_SEND;
  case LAB_WAIT_RECEIVE:
    return LAB_TRACE_RECEIVE;
  case LAB_WAIT_SELECT:
    return LAB_TRACE_SELECT;
  case LAB_WAIT_NET:
    return LAB_TRACE_NET;
  case LAB_WAIT_JOIN:
    return LAB_TRACE_COND;
  default:
    return LAB_TRACE_BLOCK;
  }
}

/* STACK: where it is, or 0 if it has not begun. */
static void create_goroutine(lab_lua_task *t, uint32_t stack, uint64_t now) {
  t->trace = (lab_trace_g){.id = t->base.id, .task = t->base.user_task};
  lab_trace_go_create(&t->trace, find_entry(t, stack), t->base.created_by, now);
}

/* A request's work is a region, by which readers find its goroutine. */
static void start_goroutine(lab_lua_task *t, uint64_t now) {
  bool first = t->trace.seq == 1;
  lab_trace_go_start(&t->trace, now);
  if (first && t->kind->serves)
    lab_trace_region_begin("request", tr.network, now);
}

/* The running task makes way: by its own call, or because its slice is over. In
 * that case the hook interrupted Lua code. */
static void yield_goroutine(lab_lua_task *t, uint64_t now) {
  lua_Debug ar;
  lua_State *L = lab_resumed_top ? lab_resumed_top->L : NULL;
  bool own = L && lua_getstack(L, 0, &ar) && lua_getinfo(L, "S", &ar) &&
             ar.what[0] == 'C';
  lab_trace_go_yield(&t->trace, !own, walk_running(), now);
}

static void unblock_goroutine(lab_lua_task *t, uint64_t now) {
  const lab_task *base = &t->base;
  uint32_t waker = base->wait == LAB_WAIT_WORKER ? 0 : walk_running();
  uint64_t since = t->job && base->wait == LAB_WAIT_WORKER ? t->job->ended : 0;
  lab_trace_go_unblock(&t->trace, waker ? waker : find_wakeup(base), since,
                       now);
}

static void trace_change(lab_task_sink *sink, const lab_task *base,
                         lab_task_state next, lab_wait why, uint32_t stack,
                         uint64_t now) {
  lab_lua_task *t = lab_lua_task_of(base);
  (void)sink;
  if (!lab_trace_on())
    return;
  if (next == LAB_TASK_WAITING && base->state == LAB_TASK_RUNNABLE)
    create_goroutine(t, 0, now); /* lab_task_init */
  else if (next == LAB_TASK_WAITING)
    lab_trace_go_block(&t->trace, map_wait(why), stack, now);
  else if (next == LAB_TASK_RUNNING)
    start_goroutine(t, now);
  else if (next == LAB_TASK_ENDED)
    lab_trace_go_end(&t->trace, now);
  else if (base->state == LAB_TASK_RUNNING)
    yield_goroutine(t, now);
  else
    unblock_goroutine(t, now);
}

/* ---- regions and user tasks ---------------------------------------------- */

static void trace_region(lab_task_sink *sink, const lab_task *base,
                         const char *name, bool enters, uint32_t stack) {
  (void)sink;
  lab_lua_task_of(base)->trace.task = base->user_task;
  if (enters)
    lab_trace_region_begin(name, stack, 0);
  else
    lab_trace_region_end(name, stack, 0);
}

static void trace_user_task_begin(lab_task_sink *sink, const lab_task *base,
                                  uint64_t id, uint64_t parent,
                                  const char *name, uint32_t stack) {
  (void)sink;
  (void)base;
  lab_trace_task_begin(id, parent, name, stack ? stack : tr.network, 0);
}

static void trace_user_task_end(lab_task_sink *sink, const lab_task *base,
                                uint64_t id, uint32_t stack) {
  (void)sink;
  (void)base;
  lab_trace_task_end(id, stack ? stack : tr.network, 0);
}

/* ---- workers: on their threads ------------------------------------------- */

static void trace_job_begin(lab_worker_sink *sink, unsigned index,
                            const lab_job *job, uint64_t now) {
  const lab_frame *frames;
  const lab_func *f = NULL;
  lab_stack_hold hold;
  (void)sink;
  lab_stack_hold_begin(&hold);
  if (lab_stack_frames(job->stack, &frames) && lab_frame_is_script(frames[0]))
    f = lab_func_get(lab_frame_func(frames[0]));
  lab_stack_hold_end(&hold);
  lab_trace_job_begin(index, f && f->name ? f->name : "[job]", job->stack, now);
}

static void trace_job_end(lab_worker_sink *sink, unsigned index,
                          const lab_job *job, uint64_t now) {
  (void)sink;
  (void)job;
  lab_trace_job_end(index, now);
}

/* ---- samples: on the profiler's thread ----------------------------------- */

static void trace_sample(uint64_t when, int proc, uint32_t stack) {
  if (lab_trace_on())
    lab_trace_sample(when, proc, stack);
}

/* ---- beginning and end --------------------------------------------------- */

/* HeapAlloc at which the next cycle begins, as it was planned at the end of the
 * last one. */
static uint64_t read_next_gc(void) {
  lab_memstats stats;
  lab_memstats_read(&stats);
  return stats.next_gc;
}

static uint32_t find_traced_stack(lab_lua_task *t) {
  if (lua_status(t->co) != LUA_YIELD)
    return 0; /* it has not begun */
  return t->base.stack
             ? t->base.stack
             : lab_walk(t->co, 0); /* it made way when its slice was over */
}

static void show_task(lab_lua_task *t) {
  uint32_t stack = find_traced_stack(t);
  if (t->kind->serves)
    show_request(t);
  create_goroutine(t, stack, 0);
  if (stack == 0)
    return;
  start_goroutine(t, 0);
  if (t->base.state == LAB_TASK_WAITING)
    lab_trace_go_block(&t->trace, map_wait(t->base.wait), stack, 0);
  else
    lab_trace_go_yield(&t->trace, true, stack, 0);
}

static void remove_sinks(void) {
  if (!tr.present)
    return;
  tr.present = false;
  lab_sched_remove_sink(tr.vm->sched, &tr.tasks);
  lab_workers_set_sink(tr.vm->workers, NULL);
  lab_cpu_set_tap(NULL);
  lab_mem_set_watch(NULL);
}

static void add_sinks(void) {
  tr.tasks = (lab_task_sink){.changes = trace_change,
                             .region = trace_region,
                             .user_task_began = trace_user_task_begin,
                             .user_task_ended = trace_user_task_end,
                             .precise = true};
  tr.workers = (lab_worker_sink){trace_job_begin, trace_job_end};
  tr.present = true;
  lab_sched_add_sink(tr.vm->sched, &tr.tasks);
  lab_workers_set_sink(tr.vm->workers, &tr.workers);
  lab_cpu_set_tap(trace_sample);
  lab_mem_set_watch(lab_trace_heap);
}

static void deliver_trace_on(lab_post *post) {
  (void)post;
  if (atomic_load(&tr.vm->stopping)) { /* the workers may be gone */
    atomic_store(&tr.on_sent, false);
    return;
  }
  remove_sinks();
  const lab_list *all = lab_sched_tasks(tr.vm->sched);
  for (lab_list *l = all->next; l != all; l = l->next)
    show_task(lab_lua_task_at(l));
  add_sinks();
  lab_trace_start(read_next_gc());
  if (!lab_trace_on()) /* its client has gone before it began */
    remove_sinks();
  atomic_store(&tr.on_sent, false);
}

static void deliver_trace_off(lab_post *post) {
  (void)post;
  remove_sinks();
  atomic_store(&tr.off_sent, false);
}

void lab_tracer_attach(lab_vm *vm) {
  tr.timer = lab_export_pseudo("[timer]");
  tr.worker = lab_export_pseudo("[worker]");
  tr.network = lab_export_pseudo("[network]");
  tr.task_end = lab_export_pseudo("[end of a task]");
  tr.wakeup = lab_export_pseudo("[wake-up]");
  tr.on.deliver = deliver_trace_on;
  tr.off.deliver = deliver_trace_off;
  atomic_store(&tr.on_sent, false);
  atomic_store(&tr.off_sent, false);
  tr.vm = vm;
}

void lab_tracer_detach(void) {
  lab_trace_seal("the trace ends early: the lab is stopping");
  remove_sinks();
}

/* ---- the control thread -------------------------------------------------- */

static uint64_t read_heap_bytes(void) {
  return lab_mem_heap_bytes();
}

int lab_tracer_begin(lab_vm *vm, uint64_t max_events) {
  lab_workers_load load;
  lab_workers_read(vm->workers, &load);
  lab_trace_config config = {
      .max_events = max_events,
      .workers = load.threads,
      .worker = lab_export_pseudo("[worker]"),
      .start = lab_export_pseudo("[lab]"),
      .wakeup = lab_export_pseudo("[wake-up]"),
      .heap = read_heap_bytes,
  };
  lab_attempt_write(lab_attempt_now().id, config.remark);
  if (atomic_load(&tr.on_sent)) /* a snapshot may be under way */
    return -EBUSY;
  int rc = lab_trace_open(&config);
  if (rc)
    return rc;
  atomic_store(&tr.on_sent, true);
  lab_sched_post(vm->sched, &tr.on);
  return 0;
}

void lab_tracer_end(lab_vm *vm) {
  lab_trace_seal(NULL);
  if (!atomic_exchange(&tr.off_sent, true))
    lab_sched_post(vm->sched, &tr.off);
}
