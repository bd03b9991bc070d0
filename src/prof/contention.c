/* SPDX-License-Identifier: MIT
 * See contention.h: a sink of the scheduler's (task/sched.h), the buckets it
 * fills, and their copies. How they are shown is in contention_text.c.
 *
 * It is always on, so an event must cost little: one lookup, under a lock that
 * is hardly ever contended itself. The buckets used last are found without it.
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
#include "prof/contention_internal.h"
#include "prof/keymap.h"

enum { LATEST = 16 };

typedef struct table {
  lab_keymap keys; /* (stack, label) -> ... */
  /* The numbers of buckets used lately, each at a place that follows from its
   * stack. Any number of a bucket is valid here. */
  uint32_t latest[LATEST];
  lab_buf buckets; /* ... lab_contention_bucket[] */
  size_t told;     /* bytes that MemStats knows of */
} table;

static struct {
  pthread_mutex_t lock;
  table tables[2];     /* by lab_contention */
  uint32_t generation; /* of the step that was marked last */
  uint64_t rng;        /* the scheduler's thread */
  atomic_llong block_rate, mutex_fraction;
} contention = {
    .lock = PTHREAD_MUTEX_INITIALIZER, .block_rate = 1, .mutex_fraction = 1};

/* ---- counting ------------------------------------------------------------ */

static void tell_contention_bytes(table *t) {
  size_t bytes = lab_keymap_bytes(&t->keys) + t->buckets.cap;
  lab_memstats_add_buck_hash((int64_t)bytes - (int64_t)t->told);
  t->told = bytes;
}

static lab_contention_bucket *contention_bucket_of(table *t, uint32_t stack,
                                                   uint32_t label) {
  size_t known = t->keys.count;
  uint32_t *latest = &t->latest[stack % LATEST];
  lab_contention_bucket *all = (void *)t->buckets.data;
  if (known > 0 && all[*latest].stack == stack && all[*latest].label == label)
    return &all[*latest];
  size_t i = lab_keymap_add(&t->keys, (lab_key){stack, label, 0});
  if (i == known) {
    lab_contention_bucket b = {.stack = stack, .label = label};
    lab_buf_append(&t->buckets, &b, sizeof b);
    tell_contention_bytes(t);
  }
  *latest = (uint32_t)i;
  return (lab_contention_bucket *)(void *)t->buckets.data + i;
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
  lab_contention_bucket *b =
      contention_bucket_of(&contention.tables[kind], stack, task->label);
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
  if (task->state == LAB_TASK_WAITING && is_contention(task->wait))
    count_block(task, now > task->since ? now - task->since : 0);
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

static void mark_contention_table(table *t) {
  lab_contention_bucket *b = (void *)t->buckets.data;
  for (size_t i = 0; i < t->keys.count; i++) {
    b[i].marked_count = b[i].count;
    b[i].marked_ns = b[i].ns;
  }
}

void lab_contention_mark(uint32_t generation) {
  pthread_mutex_lock(&contention.lock);
  mark_contention_table(&contention.tables[LAB_BLOCK]);
  mark_contention_table(&contention.tables[LAB_MUTEX]);
  contention.generation = generation;
  pthread_mutex_unlock(&contention.lock);
}

/* ---- snapshots ----------------------------------------------------------- */

size_t lab_contention_count(lab_contention kind) {
  pthread_mutex_lock(&contention.lock);
  size_t n = contention.tables[kind].keys.count;
  pthread_mutex_unlock(&contention.lock);
  return n;
}

lab_contention_snapshot *lab_contention_take(lab_contention kind) {
  const table *t = &contention.tables[kind];
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
  return s;
}

void lab_contention_snapshot_free(lab_contention_snapshot *s) {
  lab_xfree(s);
}

void lab_contention_whole(lab_contention_snapshot *s) {
  s->is_whole = true;
}
