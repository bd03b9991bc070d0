/* SPDX-License-Identifier: MIT
 * See flight_feed.h. This is on the hot path: what isn't needed at once is
 * found out when somebody asks (flight.c). */
#include "inspect/flight_feed.h"

#include "inspect/trace_stacks.h"
#include "mem/mem.h"
#include "stack/stack.h"
#include "trace/flight_cut.h"
#include "vm/trace_why.h"
#include "vm/vm.h"

/* Calls of their own, so that what is usual saves no registers. */
#define RARE __attribute__((noinline))

static struct {
  lab_task_sink sink;
  lab_sched *sched;
  /* The last function that was asked for, and its stack, in this visit. */
  uint32_t function, entry;
} feed;

static uint32_t find_entry(const lab_lua_task *t) {
  if (t->trace.entry != feed.function) {
    feed.function = t->trace.entry;
    feed.entry = lab_trace_entry_stack(feed.function);
  }
  return feed.entry;
}

static size_t write_request_name(const void *of, char *out, size_t size) {
  const lab_lua_task *t = of;
  return t->kind->name(t, out, size);
}

lab_flight_facts lab_flight_facts_of(const lab_lua_task *t) {
  return (lab_flight_facts){
      .id = t->base.id,
      .task = t->base.user_task,
      .entry = find_entry(t),
      .creator = t->base.created_by,
      .serves = t->kind->serves,
  };
}

static void tell_facts(const void *of, lab_flight_facts *out) {
  *out = lab_flight_facts_of(of);
}

/* The heap first: nothing is to be between a start and its stop. */
static RARE void record_heap(const lab_task *base, uint64_t now) {
  lab_flight_heap(lab_mem_heap_bytes(), now);
  lab_flight_start(base->id, now);
}

static RARE void record_creation(lab_lua_task *t, uint64_t now) {
  if (!t->trace.entry)
    t->trace.entry = lab_trace_find_function(t, 0) & LAB_TRACE_ENTRY_MAX;
  lab_flight_facts facts = lab_flight_facts_of(t);
  if (facts.serves)
    lab_flight_request(facts.id, facts.task, facts.entry, write_request_name, t,
                       now);
  else
    lab_flight_create(&facts, now);
}

static RARE void record_block(const lab_task *base, lab_wait why,
                              uint32_t stack, uint64_t now) {
  lab_flight_block(base->id, lab_trace_map_wait(why), stack, now);
}

/* Mostly it is the function that the last one had. */
static bool is_usual_request(const lab_lua_task *t) {
  return t->kind->serves && t->trace.entry && t->trace.entry == feed.function;
}

static RARE void record_yield(const lab_task *base, uint64_t now) {
  lab_flight_yield(base->id, lab_trace_was_preempted(),
                   lab_trace_walk_running(), now);
}

static RARE void record_unblock(const lab_task *base, uint64_t now) {
  lab_flight_unblock(base->id, lab_trace_find_waker(base),
                     lab_trace_find_due(base), lab_trace_map_wait(base->wait),
                     base->stack, base->since, now);
}

/* The usual changes first. */
static void record_change(lab_task_sink *sink, const lab_task *base,
                          lab_task_state next, lab_wait why, uint32_t stack,
                          uint64_t now) {
  lab_lua_task *t = lab_lua_task_of(base);
  (void)sink;
  if (next == LAB_TASK_RUNNING && lab_flight_wants_heap(now))
    record_heap(base, now);
  else if (next == LAB_TASK_RUNNING)
    lab_flight_start(base->id, now);
  else if (next == LAB_TASK_ENDED)
    lab_flight_end(base->id, t->kind->serves ? base->user_task : 0, tell_facts,
                   write_request_name, t, now);
  else if (next == LAB_TASK_RUNNABLE && base->state == LAB_TASK_RUNNING)
    record_yield(base, now);
  else if (next == LAB_TASK_RUNNABLE && base->wait != LAB_WAIT_NONE)
    record_unblock(base, now);
  else if (next == LAB_TASK_RUNNABLE)
    return; /* it is new, and was runnable from the beginning */
  else if (base->state != LAB_TASK_RUNNABLE)
    record_block(base, why, stack, now);
  else if (is_usual_request(t)) /* lab_task_init */
    lab_flight_request(base->id, base->user_task, feed.entry,
                       write_request_name, t, now);
  else
    record_creation(t, now);
}

static void record_region(lab_task_sink *sink, const lab_task *base,
                          const char *name, bool enters, uint32_t stack) {
  (void)sink;
  lab_flight_region(base->id, base->user_task, name, enters, stack,
                    lab_sched_now(feed.sched));
}

static void record_user_task(lab_task_sink *sink, const lab_task *base,
                             uint64_t id, uint64_t parent, const char *name,
                             uint32_t stack) {
  (void)sink;
  (void)base;
  lab_flight_task_begin(id, parent, name, stack, lab_sched_now(feed.sched));
}

static void record_user_task_end(lab_task_sink *sink, const lab_task *base,
                                 uint64_t id, const char *name,
                                 uint32_t stack) {
  (void)sink;
  lab_flight_task_end(id, base->user_task, name, stack,
                      lab_sched_now(feed.sched));
}

static void keep_stack(uint32_t stack) {
  (void)lab_stack_keep(stack);
}

/* A visit begins: what the ring tells of the one before keeps its stacks. */
static void keep_stacks(void) {
  lab_flight_each_stack(keep_stack);
  feed.function = feed.entry = 0;
}

void lab_flight_feed(lab_sched *sched) {
  feed.sched = sched;
  feed.function = feed.entry = 0;
  feed.sink = (lab_task_sink){.changes = record_change,
                              .region = record_region,
                              .user_task_began = record_user_task,
                              .user_task_ended = record_user_task_end,
                              .close = true};
  lab_sched_add_sink(sched, &feed.sink);
  lab_stack_set_keeper(keep_stacks);
}

void lab_flight_starve(lab_sched *sched) {
  lab_stack_set_keeper(NULL);
  lab_sched_remove_sink(sched, &feed.sink);
}
