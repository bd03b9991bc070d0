/* SPDX-License-Identifier: MIT
 * See flight_feed.h. This is on the hot path: what isn't needed at once is
 * found out when somebody asks (flight.c). */
#include "inspect/flight_feed.h"

#include <stdio.h>

#include "inspect/trace_stacks.h"
#include "mem/mem.h"
#include "stack/stack.h"
#include "trace/flight_cut.h"
#include "vm/trace_why.h"
#include "vm/vm.h"

static struct {
  lab_task_sink sink;
  lab_sched *sched;
} feed;

lab_flight_facts lab_flight_facts_of(const lab_lua_task *t) {
  return (lab_flight_facts){
      .id = t->base.id,
      .task = t->base.user_task,
      .entry = lab_trace_entry_stack(t->trace.entry),
      .creator = t->base.created_by,
      .serves = t->kind->serves,
  };
}

static uint64_t read_heap_size(void) {
  return lab_mem_heap_bytes();
}

static void record_start(const lab_lua_task *t, uint64_t now) {
  lab_flight_start(t->base.id, now);
  lab_flight_heap(read_heap_size, now);
}

static void record_creation(lab_lua_task *t, uint64_t now) {
  t->trace.entry = lab_trace_find_function(t, 0) & 0xffffff;
  lab_flight_facts facts = lab_flight_facts_of(t);
  lab_flight_create(&facts, now);
}

static void record_end(const lab_lua_task *t, uint64_t now) {
  lab_flight_facts facts = lab_flight_facts_of(t);
  lab_flight_end(&facts, now);
}

static void record_unblock(const lab_lua_task *t, uint64_t now) {
  const lab_task *base = &t->base;
  if (base->wait == LAB_WAIT_NONE)
    return; /* it is new, and was runnable from the beginning */
  lab_flight_unblock(base->id, lab_trace_find_waker(base),
                     lab_trace_job_ended(t), lab_trace_map_wait(base->wait),
                     base->stack, base->since, now);
}

static void record_change(lab_task_sink *sink, const lab_task *base,
                          lab_task_state next, lab_wait why, uint32_t stack,
                          uint64_t now) {
  lab_lua_task *t = lab_lua_task_of(base);
  (void)sink;
  if (next == LAB_TASK_WAITING && base->state == LAB_TASK_RUNNABLE)
    record_creation(t, now); /* lab_task_init */
  else if (next == LAB_TASK_WAITING)
    lab_flight_block(base->id, lab_trace_map_wait(why), stack, now);
  else if (next == LAB_TASK_RUNNING)
    record_start(t, now);
  else if (next == LAB_TASK_ENDED)
    record_end(t, now);
  else if (base->state == LAB_TASK_RUNNING)
    lab_flight_yield(base->id, lab_trace_was_preempted(),
                     lab_trace_walk_running(), now);
  else
    record_unblock(t, now);
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
  lab_flight_task_begin(id, parent, name,
                        stack ? stack : lab_trace_pseudo.network,
                        lab_sched_now(feed.sched));
}

static void copy_name(const void *of, char *out, size_t size) {
  snprintf(out, size, "%s", (const char *)of);
}

static void write_request_name(const void *of, char *out, size_t size) {
  const lab_lua_task *t = of;
  if (t->kind->serves)
    t->kind->name(t, out, size < LAB_TASK_NAME ? size : LAB_TASK_NAME);
  else
    copy_name("", out, size);
}

static void record_user_task_end(lab_task_sink *sink, const lab_task *base,
                                 uint64_t id, const char *name,
                                 uint32_t stack) {
  const void *of = name ? (const void *)name : lab_lua_task_of(base);
  (void)sink;
  lab_flight_task_end(id, name ? copy_name : write_request_name, of,
                      stack ? stack : lab_trace_pseudo.network,
                      lab_sched_now(feed.sched));
}

static void keep_stack(uint32_t stack) {
  (void)lab_stack_keep(stack);
}

/* A visit begins: what the ring tells of the one before keeps its stacks. */
static void keep_stacks(void) {
  lab_flight_each_stack(keep_stack);
}

void lab_flight_feed(lab_sched *sched) {
  feed.sched = sched;
  feed.sink = (lab_task_sink){.changes = record_change,
                              .region = record_region,
                              .user_task_began = record_user_task,
                              .user_task_ended = record_user_task_end,
                              .precise = true};
  lab_sched_add_sink(sched, &feed.sink);
  lab_stack_set_keeper(keep_stacks);
}

void lab_flight_starve(lab_sched *sched) {
  lab_stack_set_keeper(NULL);
  lab_sched_remove_sink(sched, &feed.sink);
}
