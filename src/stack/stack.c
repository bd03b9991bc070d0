/* SPDX-License-Identifier: MIT
 * See stack.h. The table of stacks.
 *
 * Most samples have a stack that exists already: it is found without a lock.
 * The frames of a stack are copied once, into memory that never moves. */
#include "stack/stack.h"

#include <pthread.h>
#include <string.h>

#include "stack/intern.h"

typedef struct stack {
  const lab_frame *frames;
  size_t n;
} stack;

static struct {
  pthread_mutex_t lock;
  lab_shelf shelf;
  lab_table table;
  lab_intern_pool pool;
  atomic_uint count;
  uint32_t limit, limit_now;
} stacks = {.lock = PTHREAD_MUTEX_INITIALIZER,
            .shelf = {.item = sizeof(stack)},
            .table = {.shared = true},
            .limit = LAB_STACK_LIMIT,
            .limit_now = LAB_STACK_LIMIT};

static bool is_same_stack(const stack *a, const stack *b) {
  return a->n == b->n &&
         memcmp(a->frames, b->frames, a->n * sizeof *a->frames) == 0;
}

static uint64_t hash_stack(const stack *s) {
  return lab_intern_hash(s->frames, s->n * sizeof *s->frames, s->n);
}

/* The id of the stack, or 0. Takes no lock. */
static uint32_t find_known_stack(const stack *s, uint64_t hash) {
  lab_table_walk walk = lab_table_find(&stacks.table, hash);
  uint32_t id = lab_table_next(&walk);
  while (id && !is_same_stack(lab_shelf_at(&stacks.shelf, id - 1), s))
    id = lab_table_next(&walk);
  return id;
}

/* Under the lock. */
static uint32_t add_new_stack(const stack *s, uint64_t hash) {
  uint32_t id = atomic_load_explicit(&stacks.count, memory_order_relaxed) + 1;
  stack *made = lab_shelf_make(&stacks.shelf, id - 1);
  lab_frame *frames = lab_intern_alloc(&stacks.pool, s->n * sizeof *s->frames);
  memcpy(frames, s->frames, s->n * sizeof *frames);
  *made = (stack){frames, s->n};
  atomic_store_explicit(&stacks.count, id, memory_order_release);
  lab_intern_add(&stacks.table, hash, id);
  return id;
}

static bool is_stack_of_files(const stack *s) {
  for (size_t i = 0; i < s->n; i++) {
    const lab_func *f = lab_frame_is_script(s->frames[i])
                            ? lab_func_get(lab_frame_func(s->frames[i]))
                            : NULL;
    if (f && f->kind == LAB_FUNC_LUA && !f->of_file)
      return false;
  }
  return true;
}

/* Under the lock. */
static bool is_stack_table_full(const stack *s) {
  return atomic_load_explicit(&stacks.count, memory_order_relaxed) >=
             stacks.limit_now ||
         !lab_intern_has_room(is_stack_of_files(s));
}

static uint32_t add_stack_unless_full(const stack *s, uint64_t hash) {
  lab_frame full =
      lab_frame_script(lab_func_pseudo("[too many different stacks]"), 0);
  stack instead = {&full, 1};
  pthread_mutex_lock(&stacks.lock);
  uint32_t id = find_known_stack(s, hash);
  if (id == 0 && is_stack_table_full(s)) {
    s = &instead;
    hash = hash_stack(s);
    id = find_known_stack(s, hash);
  }
  if (id == 0)
    id = add_new_stack(s, hash);
  pthread_mutex_unlock(&stacks.lock);
  return id;
}

static uint32_t intern_whole(const lab_frame *frames, size_t n) {
  stack s = {frames, n};
  uint64_t hash = hash_stack(&s);
  uint32_t id = find_known_stack(&s, hash);
  return id ? id : add_stack_unless_full(&s, hash);
}

static size_t count_frames(const lab_frame *frames, size_t n) {
  size_t all = 0;
  for (size_t i = 0; i < n; i++) {
    size_t left_out = lab_frame_count_left_out(frames[i]);
    all += left_out ? left_out : 1;
  }
  return all;
}

static __attribute__((noinline)) uint32_t
intern_shortened(const lab_frame *frames, size_t n) {
  enum { LEAVES = LAB_STACK_DEPTH - LAB_STACK_ROOTS - 1 };
  lab_frame kept[LAB_STACK_DEPTH];
  size_t left_out = count_frames(frames + LEAVES, n - LEAVES - LAB_STACK_ROOTS);
  memcpy(kept, frames, LEAVES * sizeof *kept);
  kept[LEAVES] = lab_frame_left_out(left_out);
  memcpy(kept + LEAVES + 1, frames + n - LAB_STACK_ROOTS,
         LAB_STACK_ROOTS * sizeof *kept);
  return intern_whole(kept, LAB_STACK_DEPTH);
}

uint32_t lab_stack_intern(const lab_frame *frames, size_t n) {
  if (n == 0)
    return 0;
  return n <= LAB_STACK_DEPTH ? intern_whole(frames, n)
                              : intern_shortened(frames, n);
}

size_t lab_stack_frames(uint32_t id, const lab_frame **frames) {
  if (id == 0 ||
      id > atomic_load_explicit(&stacks.count, memory_order_acquire)) {
    *frames = NULL;
    return 0;
  }
  const stack *s = lab_shelf_at(&stacks.shelf, id - 1);
  *frames = s->frames;
  return s->n;
}

size_t lab_stack_bytes(void) {
  return lab_intern_bytes();
}

void lab_stack_renew_room(void) {
  pthread_mutex_lock(&stacks.lock);
  uint32_t count = atomic_load_explicit(&stacks.count, memory_order_relaxed);
  uint32_t left = count < stacks.limit ? stacks.limit - count : 0;
  uint32_t room = left - left / 4;
  stacks.limit_now =
      count + (room > LAB_STACK_VISIT_ADDS ? room : LAB_STACK_VISIT_ADDS);
  pthread_mutex_unlock(&stacks.lock);
  lab_intern_renew_room();
}

void lab_stack_set_limit(uint32_t limit, size_t soft, size_t hard) {
  pthread_mutex_lock(&stacks.lock);
  stacks.limit = stacks.limit_now = limit ? limit : LAB_STACK_LIMIT;
  pthread_mutex_unlock(&stacks.lock);
  lab_intern_set_room(soft ? soft : LAB_STACK_SOFT_BYTES,
                      hard ? hard : LAB_STACK_HARD_BYTES);
}
