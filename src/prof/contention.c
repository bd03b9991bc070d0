/* SPDX-License-Identifier: MIT
 * See contention.h: a sink of the scheduler's (task/sched.h), the buckets it
 * fills, and their copies. How they are shown is in contention_text.c.
 *
 * It is always on, so an event must cost little: one lookup, under a lock that
 * is hardly ever contended itself.
 * If only some events are counted, each is entered with the number and time
 * that it stands for, so that rates may change at any time. */
#include "prof/contention.h"

#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/rng.h"
#include "mem/memstats.h"
#include "prof/attempt.h"
#include "prof/contention_internal.h"
#include "prof/contention_table.h"
#include "prof/label.h"
#include "stack/stack.h"

static struct {
  pthread_mutex_t lock;
  lab_contention_table tables[2]; /* by lab_contention */
  size_t told;                    /* bytes of tables that MemStats knows of */
  uint32_t generation;            /* of the step that was marked last */
  uint64_t rng;                   /* the scheduler's thread */
  atomic_llong block_rate, mutex_fraction;
} contention = {
    .lock = PTHREAD_MUTEX_INITIALIZER, .block_rate = 1, .mutex_fraction = 1};

/* ---- counting ------------------------------------------------------------ */

static void tell_contention_bytes(void) {
  size_t bytes = lab_contention_table_bytes(&contention.tables[LAB_BLOCK]) +
                 lab_contention_table_bytes(&contention.tables[LAB_MUTEX]);
  if (bytes != contention.told)
    lab_memstats_add_buck_hash((int64_t)bytes - (int64_t)contention.told);
  contention.told = bytes;
}

/* A task of the lab's own, such as one that waits for a step's tasks to end:
 * it is of no step, and urgent. */
static bool is_lab_task(const lab_task *task) {
  return task->generation == 0 && task->urgent;
}

static void add_contention(lab_contention kind, const lab_task *task,
                           uint32_t stack, double times, double ns) {
  if (is_lab_task(task))
    return;
  pthread_mutex_lock(&contention.lock);
  lab_contention_table *t = &contention.tables[kind];
  size_t known = t->keys.count;
  lab_contention_bucket *b = lab_contention_table_at(
      t, stack, task->label, task->generation == contention.generation);
  if (t->keys.count != known)
    tell_contention_bytes();
  b->count += times;
  b->ns += ns;
  /* The task's step was left before. Generation 0 is that of no step. */
  if (task->generation && task->generation != contention.generation) {
    b->marked_count += times;
    b->marked_ns += ns;
  }
  pthread_mutex_unlock(&contention.lock);
}

static int64_t read_setting(const atomic_llong *setting) {
  return atomic_load_explicit(setting, memory_order_relaxed);
}

static void count_block(const lab_task *task, uint64_t ns) {
  int64_t rate = read_setting(&contention.block_rate);
  double delay = (double)(ns > 0 ? ns : 1);
  if (rate <= 0)
    return;
  if (delay >= (double)rate)
    add_contention(LAB_BLOCK, task, task->stack, 1, delay);
  else if (lab_rng_unit(&contention.rng) * (double)rate <= delay)
    add_contention(LAB_BLOCK, task, task->stack, (double)rate / delay,
                   (double)rate);
}

static bool is_contention(lab_wait why) {
  switch (why) {
  case LAB_WAIT_JOIN:
  case LAB_WAIT_MUTEX:
  case LAB_WAIT_RLOCK:
  case LAB_WAIT_WLOCK:
  case LAB_WAIT_WAIT_GROUP:
  case LAB_WAIT_SEND:
  case LAB_WAIT_RECEIVE:
  case LAB_WAIT_SELECT:
  case LAB_WAIT_POOL:
    return true;
  default:
    return false;
  }
}

static void note_end_of_wait(lab_task_sink *sink, const lab_task *task,
                             lab_task_state next, lab_wait why, uint32_t stack,
                             uint64_t now) {
  (void)sink;
  (void)next;
  (void)why;
  (void)stack;
  if (task->state != LAB_TASK_WAITING || !is_contention(task->wait))
    return;
  /* If its time was over before, it has waited for its turn since then. */
  uint64_t due = lab_task_due(task), end = due < now ? due : now;
  count_block(task, end > task->since ? end - task->since : 0);
}

static void note_contended_lock(lab_task_sink *sink, const lab_task *holder,
                                uint32_t stack, unsigned times, uint64_t ns) {
  int64_t n = read_setting(&contention.mutex_fraction);
  (void)sink;
  if (n > 0 && lab_rng_next(&contention.rng) % (uint64_t)n == 0)
    add_contention(LAB_MUTEX, holder, stack, (double)n * times,
                   (double)n * (double)ns);
}

static lab_task_sink the_sink = {.changes = note_end_of_wait,
                                 .contended = note_contended_lock};

void lab_contention_watch(lab_sched *s) {
  lab_sched_add_sink(s, &the_sink);
}

void lab_contention_unwatch(lab_sched *s) {
  lab_sched_remove_sink(s, &the_sink);
}

/* ---- settings ------------------------------------------------------------ */

void lab_contention_set_block_rate(int64_t ns) {
  atomic_store(&contention.block_rate, ns);
}

void lab_contention_set_mutex_fraction(int64_t n) {
  atomic_store(&contention.mutex_fraction, n);
}

static void mark_contention_table(const lab_contention_table *t) {
  lab_contention_bucket *b = (void *)t->buckets.data;
  for (size_t i = 0; i < t->keys.count; i++) {
    b[i].marked_count = b[i].count;
    b[i].marked_ns = b[i].ns;
    lab_label_keep(b[i].label);
    lab_stack_keep(b[i].stack);
  }
}

void lab_contention_mark(uint32_t generation) {
  pthread_mutex_lock(&contention.lock);
  for (int kind = LAB_BLOCK; kind <= LAB_MUTEX; kind++) {
    if (generation && generation != contention.generation)
      lab_contention_table_renew(&contention.tables[kind]);
    mark_contention_table(&contention.tables[kind]);
  }
  tell_contention_bytes();
  contention.generation = generation;
  pthread_mutex_unlock(&contention.lock);
}

/* ---- snapshots ----------------------------------------------------------- */

lab_contention_amount lab_contention_shown(const lab_contention_bucket *b,
                                           bool is_whole) {
  double count = b->count, ns = b->ns;
  if (!is_whole) {
    count -= b->marked_count;
    ns -= b->marked_ns;
  }
  return (lab_contention_amount){llround(count), llround(ns)};
}

size_t lab_contention_count(lab_contention kind) {
  const lab_contention_table *t = &contention.tables[kind];
  size_t n = 0;
  pthread_mutex_lock(&contention.lock);
  const lab_contention_bucket *b = (void *)t->buckets.data;
  for (size_t i = 0; i < t->keys.count; i++) {
    lab_contention_amount shown = lab_contention_shown(&b[i], false);
    n += shown.count != 0 || shown.ns != 0;
  }
  pthread_mutex_unlock(&contention.lock);
  return n;
}

lab_contention_snapshot *lab_contention_take(lab_contention kind) {
  const lab_contention_table *t = &contention.tables[kind];
  pthread_mutex_lock(&contention.lock);
  size_t n = t->keys.count;
  lab_contention_snapshot *s = lab_xmalloc(sizeof *s + n * sizeof *s->buckets);
  if (n > 0)
    memcpy(s->buckets, t->buckets.data, n * sizeof *s->buckets);
  pthread_mutex_unlock(&contention.lock);
  s->kind = kind;
  s->n = n;
  s->is_whole = false;
  s->is_on = read_setting(kind == LAB_BLOCK ? &contention.block_rate
                                            : &contention.mutex_fraction) > 0;
  s->taken_real = lab_clock_real();
  s->taken_mono = lab_clock_mono();
  s->attempt = lab_attempt_now().id;
  return s;
}

void lab_contention_snapshot_free(lab_contention_snapshot *s) {
  lab_xfree(s);
}

void lab_contention_whole(lab_contention_snapshot *s) {
  s->is_whole = true;
}
