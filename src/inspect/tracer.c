/* SPDX-License-Identifier: MIT
 * See tracer.h. In a trace every task is a goroutine, every request is a user
 * task, and workers' jobs are system calls.
 *
 * The scheduler's sink is in place only while there is a trace. It belongs to
 * the VM's thread, so messages (tr.on, tr.off) add and remove it there. They
 * arrive in order: the VM learns of the end of a trace before the next one
 * begins. A trace begins with a snapshot: every task is created, started, and
 * parked at the stack where it waits. That gives a name also to tasks that
 * never run again.
 *
 * The messages are letters ahead (lab_sched_post_ahead). So the snapshot is
 * made before anything changes, and is that of the moment when somebody asked
 * for the trace, though the VM may have been in a C function for seconds. The
 * task that was in it runs from the beginning on.
 *
 * When the sink is called, the Lua code that caused the change is still on the
 * stack. So nobody has to pass on which task woke another one, and where.
 *
 * Threads: the VM's, except where it says otherwise. */
#include "inspect/tracer.h"

#include <errno.h>

#include "inspect/flight_feed.h"
#include "inspect/trace_stacks.h"
#include "mem/mem.h"
#include "prof/cpu.h"
#include "stack/stack.h"
#include "trace/flight.h"
#include "trace/flight_jobs.h"
#include "vm/trace_why.h"
#include "vm/vm.h"

static struct {
  lab_vm *vm;
  lab_task_sink tasks;
  lab_worker_sink workers;
  bool present;           /* the sinks are in place */
  atomic_bool tells_jobs; /* the workers' sink is to tell of them */
  lab_post on, off;
  atomic_bool on_sent, off_sent;
} tr;

/* ---- requests ------------------------------------------------------------ */

/* The user task that T works for outside of its scopes: of a request, its own.
 */
static uint64_t find_outer_user_task(const lab_lua_task *t) {
  uint64_t outer = t->base.user_task;
  for (const lab_scope *s = NULL; (s = lab_scope_next(tr.vm, t, s));)
    if (s->kind == LAB_SCOPE_TASK)
      outer = s->number;
  return outer;
}

/* T is new, or was there before the trace: so is the user task of its request.
 */
static void show_request(const lab_lua_task *t, uint64_t task, uint64_t now) {
  char name[LAB_TASK_NAME];
  if (!t->kind->serves)
    return;
  t->kind->name(t, name, sizeof name);
  lab_trace_task_begin(task, 0, name, lab_trace_pseudo.network, now);
}

static void close_request(const lab_lua_task *t, uint64_t now) {
  if (t->kind->serves)
    lab_trace_task_end(t->base.user_task, lab_trace_pseudo.network, now);
}

/* ---- tasks --------------------------------------------------------------- */

/* STACK: where it is, or 0 if it has not begun. */
static void create_goroutine(lab_lua_task *t, uint32_t stack, uint64_t now) {
  uint64_t task = find_outer_user_task(t);
  show_request(t, task, now);
  uint32_t func =
      t->trace.entry ? t->trace.entry : lab_trace_find_function(t, stack);
  t->trace = (lab_trace_g){.id = t->base.id, .task = task, .entry = func};
  lab_trace_go_create(&t->trace, lab_trace_entry_stack(func),
                      t->base.created_by, now);
}

/* A request's work is a region, by which readers find its goroutine. */
static void start_goroutine(lab_lua_task *t, uint64_t now) {
  bool first = t->trace.seq == 1;
  lab_trace_go_start(&t->trace, now);
  if (first && t->kind->serves)
    lab_trace_region_begin("request", lab_trace_pseudo.network, now);
}

/* The running task makes way: by its own call, or because its slice is over. */
static void yield_goroutine(lab_lua_task *t, uint64_t now) {
  lab_trace_go_yield(&t->trace, lab_trace_was_preempted(),
                     lab_trace_walk_running(), now);
}

static void unblock_goroutine(lab_lua_task *t, uint64_t now) {
  lab_trace_go_unblock(&t->trace, lab_trace_find_waker(&t->base),
                       lab_trace_find_due(&t->base), now);
}

static void finish_goroutine(lab_lua_task *t, uint64_t now) {
  lab_trace_go_end(&t->trace, now);
  close_request(t, now);
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
    lab_trace_go_block(&t->trace, lab_trace_map_wait(why), stack, now);
  else if (next == LAB_TASK_RUNNING)
    start_goroutine(t, now);
  else if (next == LAB_TASK_ENDED)
    finish_goroutine(t, now);
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
  lab_trace_task_begin(id, parent, name,
                       stack ? stack : lab_trace_pseudo.network, 0);
}

static void trace_user_task_end(lab_task_sink *sink, const lab_task *base,
                                uint64_t id, const char *name, uint32_t stack) {
  (void)sink;
  (void)base;
  (void)name;
  lab_trace_task_end(id, stack ? stack : lab_trace_pseudo.network, 0);
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
  const char *label = f && f->name ? f->name : "[job]";
  if (atomic_load(&tr.tells_jobs))
    lab_trace_job_begin(index, label, job->stack, now);
  if (lab_flight_on())
    lab_flight_job_begin(index, label, job->stack, now);
}

static void trace_job_end(lab_worker_sink *sink, unsigned index,
                          const lab_job *job, uint64_t now) {
  (void)sink;
  (void)job;
  if (atomic_load(&tr.tells_jobs))
    lab_trace_job_end(index, now);
  if (lab_flight_on())
    lab_flight_job_end(index, now);
}

/* ---- samples: on the profiler's thread ----------------------------------- */

static void trace_sample(uint64_t when, int proc, uint32_t stack) {
  if (lab_trace_on())
    lab_trace_sample(when, proc, stack);
}

/* ---- beginning and end --------------------------------------------------- */

enum { SCOPES_MAX = 1000 }; /* shown of a task; a script may nest far more */

/* T is in S since before the trace, and there in the user task INNER; DEPTH
 * scopes are within S. Outer scopes first. */
static void show_scopes(lab_lua_task *t, const lab_scope *s, uint64_t inner,
                        uint32_t stack, unsigned depth) {
  if (!s || depth == SCOPES_MAX)
    return;
  uint64_t outer = s->kind == LAB_SCOPE_TASK ? s->number : inner;
  show_scopes(t, lab_scope_next(tr.vm, t, s), outer, stack, depth + 1);
  if (s->kind == LAB_SCOPE_REGION)
    lab_trace_region_begin(s->text, stack, 0);
  if (s->kind != LAB_SCOPE_TASK)
    return;
  lab_trace_task_begin(inner, outer, s->text, stack, 0);
  t->trace.task = inner;
}

static void show_task(lab_lua_task *t) {
  bool runs = t->base.state == LAB_TASK_RUNNING;
  uint32_t stack = runs ? lab_trace_walk_running() : lab_trace_find_stack(t);
  create_goroutine(t, stack, 0);
  if (stack == 0 && !runs)
    return;
  start_goroutine(t, 0);
  show_scopes(t, lab_scope_next(tr.vm, t, NULL), t->base.user_task, stack, 0);
  if (runs)
    return;
  if (t->base.state == LAB_TASK_WAITING)
    lab_trace_go_block(&t->trace, lab_trace_map_wait(t->base.wait), stack, 0);
  else
    lab_trace_go_yield(&t->trace, true, stack, 0);
}

/* What runs comes last, since the others run for a moment to be shown. */
static void show_all_tasks(void) {
  lab_lua_task *running = NULL;
  const lab_list *all = lab_sched_tasks(tr.vm->sched);
  for (lab_list *l = all->next; l != all; l = l->next) {
    lab_lua_task *t = lab_lua_task_at(l);
    if (t->base.state == LAB_TASK_RUNNING)
      running = t;
    else
      show_task(t);
  }
  if (running)
    show_task(running);
}

static void remove_sinks(void) {
  if (!tr.present)
    return;
  tr.present = false;
  lab_sched_remove_sink(tr.vm->sched, &tr.tasks);
  lab_cpu_set_tap(NULL);
  lab_mem_set_watch(NULL);
}

static void leave_workers(void) {
  atomic_store(&tr.tells_jobs, false);
  if (!lab_flight_on())
    lab_workers_set_sink(tr.vm->workers, NULL);
}

/* Workers go on while the VM is in a C function. Those that run a job tell of
 * it again, as it began. Any thread. */
static void watch_workers(lab_workers *workers) {
  atomic_store(&tr.tells_jobs, true);
  lab_workers_set_sink(workers, &tr.workers);
}

static void add_sinks(void) {
  tr.tasks = (lab_task_sink){.changes = trace_change,
                             .region = trace_region,
                             .user_task_began = trace_user_task_begin,
                             .user_task_ended = trace_user_task_end,
                             .precise = true};
  tr.present = true;
  watch_workers(tr.vm->workers);
  lab_sched_add_sink(tr.vm->sched, &tr.tasks);
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
  show_all_tasks();
  add_sinks();
  lab_trace_start(lab_trace_next_gc());
  if (!lab_trace_on()) { /* its client has gone before it began */
    remove_sinks();
    leave_workers();
  }
  atomic_store(&tr.on_sent, false);
}

/* The next trace may have begun to watch the workers. */
static void deliver_trace_off(lab_post *post) {
  (void)post;
  remove_sinks();
  if (!atomic_load(&tr.on_sent))
    leave_workers();
  atomic_store(&tr.off_sent, false);
}

void lab_tracer_attach(lab_vm *vm) {
  lab_trace_stacks_init();
  tr.workers = (lab_worker_sink){trace_job_begin, trace_job_end};
  tr.on.deliver = deliver_trace_on;
  tr.off.deliver = deliver_trace_off;
  atomic_store(&tr.on_sent, false);
  atomic_store(&tr.off_sent, false);
  tr.vm = vm;
  if (lab_flight_on()) {
    lab_flight_feed(vm->sched);
    lab_workers_set_sink(vm->workers, &tr.workers);
  }
}

void lab_tracer_detach(void) {
  lab_trace_seal("the trace ends early: the lab is stopping");
  remove_sinks();
  leave_workers();
  lab_workers_set_sink(tr.vm->workers, NULL);
  lab_flight_starve(tr.vm->sched);
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
      .heap = read_heap_bytes,
  };
  lab_trace_configure(&config);
  if (atomic_load(&tr.on_sent)) /* a snapshot may be under way */
    return -EBUSY;
  int rc = lab_trace_open(&config);
  if (rc)
    return rc;
  atomic_store(&tr.on_sent, true);
  watch_workers(vm->workers);
  lab_sched_post_ahead(vm->sched, &tr.on);
  return 0;
}

void lab_tracer_end(lab_vm *vm) {
  lab_trace_seal(NULL);
  if (!atomic_exchange(&tr.off_sent, true))
    lab_sched_post_ahead(vm->sched, &tr.off);
}
