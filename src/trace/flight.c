/* SPDX-License-Identifier: MIT
 * See flight.h. Nearly all records are the VM's, so hardly anybody waits for
 * the mutex. */
#include "trace/flight.h"

#include <stdio.h>
#include <string.h>

#include "trace/flight_ring.h"

static lab_flight_ring *const ring = &lab_flight_state;
static const uint64_t HEAP_NS = 1000000; /* between two points */
static uint64_t heap_at;                 /* the last point; the VM's thread */

#define RECORD(kind, now, text, len, ...)                                      \
  lab_flight_append((kind), (now), (const uint64_t[]){__VA_ARGS__}, (text),    \
                    (len))

/* The ids of what began before the newest chunk are not above these. */
static bool is_old_goroutine(uint64_t id) {
  return !ring->newest || id <= ring->newest->goroutines;
}

static bool is_old_task(uint64_t task) {
  return !ring->newest || task <= ring->newest->tasks;
}

void lab_flight_create(const lab_flight_facts *of, uint64_t now) {
  if (!lab_flight_enter())
    return;
  RECORD(FLIGHT_CREATE, now, NULL, 0, of->id, of->task, of->entry, of->creator,
         of->serves);
  ring->goroutines = of->id > ring->goroutines ? of->id : ring->goroutines;
  lab_flight_leave();
}

void lab_flight_start(uint64_t id, uint64_t now) {
  if (!lab_flight_enter())
    return;
  RECORD(FLIGHT_START, now, NULL, 0, id);
  lab_flight_leave();
}

void lab_flight_block(uint64_t id, lab_trace_why why, uint32_t stack,
                      uint64_t now) {
  if (!lab_flight_enter())
    return;
  RECORD(FLIGHT_BLOCK, now, NULL, 0, id, (uint64_t)why, stack);
  lab_flight_leave();
}

void lab_flight_yield(uint64_t id, bool preempted, uint32_t stack,
                      uint64_t now) {
  if (!lab_flight_enter())
    return;
  RECORD(FLIGHT_YIELD, now, NULL, 0, id, preempted, stack);
  lab_flight_leave();
}

void lab_flight_unblock(uint64_t id, uint32_t waker, uint64_t since,
                        lab_trace_why why, uint32_t waited, uint64_t began,
                        uint64_t now) {
  uint64_t age = since && since <= now ? now - since + 1 : 0;
  if (!lab_flight_enter())
    return;
  lab_flight_make_room(
      now, LAB_FLIGHT_TEXT); /* in which chunk, before it is asked */
  if (!ring->newest || began <= ring->newest->first)
    RECORD(FLIGHT_UNBLOCK_OLD, now, NULL, 0, id, waker, age, (uint64_t)why,
           waited);
  else
    RECORD(FLIGHT_UNBLOCK, now, NULL, 0, id, waker, age);
  lab_flight_leave();
}

void lab_flight_end(const lab_flight_facts *of, uint64_t now) {
  if (!lab_flight_enter())
    return;
  lab_flight_make_room(now, LAB_FLIGHT_TEXT);
  if (is_old_goroutine(of->id))
    RECORD(FLIGHT_END_OLD, now, NULL, 0, of->id, of->task, of->entry,
           of->creator, of->serves);
  else
    RECORD(FLIGHT_END, now, NULL, 0, of->id);
  lab_flight_leave();
}

void lab_flight_region(uint64_t id, uint64_t task, const char *name,
                       bool enters, uint32_t stack, uint64_t now) {
  if (!lab_flight_enter())
    return;
  RECORD(FLIGHT_REGION, now, name, strlen(name), id, task, enters, stack);
  lab_flight_leave();
}

void lab_flight_task_begin(uint64_t task, uint64_t parent, const char *name,
                           uint32_t stack, uint64_t now) {
  if (!lab_flight_enter())
    return;
  RECORD(FLIGHT_TASK, now, name, strlen(name), task, parent, stack);
  ring->tasks = task > ring->tasks ? task : ring->tasks;
  lab_flight_leave();
}

void lab_flight_task_end(uint64_t task, lab_flight_name *write, const void *of,
                         uint32_t stack, uint64_t now) {
  char name[LAB_FLIGHT_TEXT + 1];
  if (!lab_flight_enter())
    return;
  lab_flight_make_room(now, 2 * LAB_FLIGHT_TEXT); /* it stays in this chunk */
  if (is_old_task(task)) {
    write(of, name, sizeof name);
    RECORD(FLIGHT_TASK_OLD, now, name, strlen(name), task, stack);
  } else {
    RECORD(FLIGHT_TASK_END, now, NULL, 0, task, stack);
  }
  lab_flight_leave();
}

void lab_flight_log(const char *text, size_t len, uint32_t stack,
                    uint64_t now) {
  if (!lab_flight_enter())
    return;
  RECORD(FLIGHT_LOG, now, text, len, stack);
  lab_flight_leave();
}

/* ---- workers ------------------------------------------------------------- */

void lab_flight_job_begin(unsigned index, const char *label, uint32_t stack,
                          uint64_t now) {
  if (!lab_flight_enter())
    return;
  if (index < ring->workers) {
    lab_flight_job *j = &ring->jobs[index];
    *j = (lab_flight_job){.busy = true, .stack = stack, .began = now};
    snprintf(j->label, sizeof j->label, "%s", label);
  }
  lab_flight_leave();
}

void lab_flight_job_end(unsigned index, uint64_t now) {
  if (!lab_flight_enter())
    return;
  lab_flight_job *j = index < ring->workers ? &ring->jobs[index] : NULL;
  if (j && j->busy) {
    uint64_t took = now > j->began ? now - j->began : 0;
    RECORD(FLIGHT_JOB, now, j->label, strlen(j->label), index, took, j->stack);
    j->busy = false;
  }
  lab_flight_leave();
}

/* ---- memory -------------------------------------------------------------- */

void lab_flight_gc_begin(uint32_t stack, uint64_t now) {
  if (!lab_flight_enter())
    return;
  RECORD(FLIGHT_GC_BEGIN, now, NULL, 0, stack);
  lab_flight_leave();
}

void lab_flight_gc_end(bool done, uint64_t next_gc, uint64_t now) {
  if (!lab_flight_enter())
    return;
  RECORD(FLIGHT_GC_END, now, NULL, 0, done, next_gc);
  lab_flight_leave();
  if (done)
    heap_at = 0;
}

void lab_flight_heap(uint64_t (*read)(void), uint64_t now) {
  if (heap_at && now - heap_at < HEAP_NS)
    return;
  heap_at = now;
  uint64_t bytes = read();
  if (!lab_flight_enter())
    return;
  RECORD(FLIGHT_HEAP, now, NULL, 0, bytes);
  lab_flight_leave();
}
