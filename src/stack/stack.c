/* SPDX-License-Identifier: MIT
 * See stack.h. The table of stacks.
 *
 * Most stacks are asked for by the VM's thread and exist already: it finds them
 * without a lock. Only that thread gives stacks back, in two steps: first
 * nobody finds them any more (leave_unused_stacks); then, when all who may have
 * had their ids have ended their holds, their memory goes (free_left_stacks).
 */
#include "stack/stack.h"

#include <pthread.h>
#include <string.h>

#include "base/buf.h"
#include "stack/intern.h"
#include "stack/numbers.h"

typedef struct stack {
  struct stack *next; /* in its list */
  uint64_t hash;
  uint32_t id, n;
  atomic_uint visit; /* the last one that has asked for it; see FOREVER */
  bool left;         /* nobody finds it any more */
  lab_frame frames[];
} stack;

/* The visit of stacks that were made before the first one, such as those of the
 * profilers' own pseudo functions: they stay. */
enum { FOREVER = 0 };

typedef struct left_block {
  lab_numbers_block *block;
  uint32_t visit; /* during which it was left */
} left_block;

static struct {
  pthread_mutex_t lock;
  lab_table table;
  lab_numbers numbers;  /* from id - 1 to the stack */
  atomic_uint count;    /* ids given so far */
  uint32_t live;        /* stacks that can be found */
  stack *newest, *left; /* those, and those that only wait for readers */
  lab_buf left_blocks;
  atomic_uint visit;
  _Atomic(stack *) gone; /* what is shown for one that was given back */
  lab_list holds;        /* the oldest first */
  uint32_t limit, limit_now;
} stacks = {.lock = PTHREAD_MUTEX_INITIALIZER,
            .table = {.shared = true},
            .holds = {&stacks.holds, &stacks.holds},
            .limit = LAB_STACK_LIMIT,
            .limit_now = LAB_STACK_LIMIT};

/* The thread of lab_stack_begin_visit, by the address of its MARK_OF_THREAD.
 * Only it changes what others may not see changing, so it may search without
 * the lock. */
static __thread char mark_of_thread;
static _Atomic(char *) visitor;

static bool is_visitor(void) {
  return atomic_load_explicit(&visitor, memory_order_relaxed) ==
         &mark_of_thread;
}

/* ---- finding and adding -------------------------------------------------- */

static uint64_t hash_frames(const lab_frame *frames, size_t n) {
  return lab_intern_hash(frames, n * sizeof *frames, n);
}

static bool has_frames(const stack *s, const lab_frame *frames, size_t n) {
  return s->n == n && memcmp(s->frames, frames, n * sizeof *frames) == 0;
}

static void note_use(stack *s) {
  uint32_t last = atomic_load_explicit(&s->visit, memory_order_relaxed);
  uint32_t now = atomic_load_explicit(&stacks.visit, memory_order_relaxed);
  if (last != now && last != FOREVER)
    atomic_store_explicit(&s->visit, now, memory_order_relaxed);
}

/* The id of the stack, or 0. Under the lock, or on the visitor's thread. */
static uint32_t find_known_stack(const lab_frame *frames, size_t n,
                                 uint64_t hash) {
  lab_table_walk walk = lab_table_find(&stacks.table, hash);
  for (uint32_t id; (id = lab_table_next(&walk));) {
    stack *s = lab_numbers_at(&stacks.numbers, id - 1);
    if (has_frames(s, frames, n)) {
      note_use(s);
      return id;
    }
  }
  return 0;
}

static size_t count_stack_bytes(size_t n) {
  return sizeof(stack) + n * sizeof(lab_frame);
}

/* Under the lock. */
static uint32_t add_new_stack(const lab_frame *frames, size_t n,
                              uint64_t hash) {
  uint32_t id = atomic_load_explicit(&stacks.count, memory_order_relaxed) + 1;
  stack *s = lab_intern_take(count_stack_bytes(n));
  s->hash = hash;
  s->id = id;
  s->n = (uint32_t)n;
  atomic_init(&s->visit, atomic_load(&stacks.visit));
  memcpy(s->frames, frames, n * sizeof *frames);
  s->next = stacks.newest;
  stacks.newest = s;
  stacks.live++;
  lab_numbers_put(&stacks.numbers, id - 1, s);
  atomic_store_explicit(&stacks.count, id, memory_order_release);
  lab_intern_add(&stacks.table, hash, id);
  return id;
}

static bool is_stack_of_files(const lab_frame *frames, size_t n) {
  for (size_t i = 0; i < n; i++) {
    const lab_func *f = lab_frame_is_script(frames[i])
                            ? lab_func_get(lab_frame_func(frames[i]))
                            : NULL;
    if (f && f->kind == LAB_FUNC_LUA && !f->of_file)
      return false;
  }
  return true;
}

/* Under the lock. Leaves the last ids for what add_pseudo_stack adds. */
static bool is_stack_table_full(const lab_frame *frames, size_t n) {
  return stacks.live >= stacks.limit_now ||
         atomic_load(&stacks.count) >= LAB_NUMBERS_MAX / 2 ||
         !lab_intern_has_room(is_stack_of_files(frames, n));
}

/* Under the lock. */
static uint32_t add_pseudo_stack(const char *name) {
  lab_frame frame = lab_frame_script(lab_func_pseudo(name), 0);
  uint64_t hash = hash_frames(&frame, 1);
  uint32_t id = find_known_stack(&frame, 1, hash);
  return id ? id : add_new_stack(&frame, 1, hash);
}

static uint32_t add_stack_unless_full(const lab_frame *frames, size_t n,
                                      uint64_t hash) {
  pthread_mutex_lock(&stacks.lock);
  uint32_t id = find_known_stack(frames, n, hash);
  if (id == 0 && is_stack_table_full(frames, n))
    id = add_pseudo_stack("[too many different stacks]");
  if (id == 0)
    id = add_new_stack(frames, n, hash);
  pthread_mutex_unlock(&stacks.lock);
  return id;
}

static uint32_t intern_whole(const lab_frame *frames, size_t n) {
  uint64_t hash = hash_frames(frames, n);
  uint32_t id = is_visitor() ? find_known_stack(frames, n, hash) : 0;
  return id ? id : add_stack_unless_full(frames, n, hash);
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
  const stack *s = lab_numbers_at(&stacks.numbers, id - 1);
  if (!s)
    s = atomic_load_explicit(&stacks.gone, memory_order_acquire);
  *frames = s->frames;
  return s->n;
}

size_t lab_stack_bytes(void) {
  return lab_intern_bytes();
}

/* ---- giving back --------------------------------------------------------- */

void lab_stack_hold_begin(lab_stack_hold *h) {
  pthread_mutex_lock(&stacks.lock);
  h->visit = atomic_load(&stacks.visit);
  lab_list_push_back(&stacks.holds, &h->link);
  pthread_mutex_unlock(&stacks.lock);
}

void lab_stack_hold_end(lab_stack_hold *h) {
  pthread_mutex_lock(&stacks.lock);
  lab_list_remove(&h->link);
  pthread_mutex_unlock(&stacks.lock);
}

bool lab_stack_keep(uint32_t id) {
  stack *s = id ? lab_numbers_at(&stacks.numbers, id - 1) : NULL;
  if (!s || s->left)
    return false;
  note_use(s);
  return true;
}

/* Under the lock. Whether somebody who began before VISIT still reads. */
static bool is_held_since_before(uint32_t visit) {
  return !lab_list_empty(&stacks.holds) &&
         LAB_CONTAINER(stacks.holds.next, lab_stack_hold, link)->visit < visit;
}

/* Under the lock. */
static bool is_unused_stack(const stack *s) {
  uint32_t last = atomic_load_explicit(&s->visit, memory_order_relaxed);
  return last != FOREVER && last + 1 < atomic_load(&stacks.visit);
}

/* Under the lock. */
static void reindex_stacks(void) {
  lab_intern_clear(&stacks.table);
  for (const stack *s = stacks.newest; s; s = s->next)
    lab_intern_add(&stacks.table, s->hash, s->id);
}

/* Under the lock: from now on nobody finds them, but their ids are valid. */
static void leave_unused_stacks(void) {
  uint32_t before = stacks.live;
  for (stack **at = &stacks.newest; *at;) {
    stack *s = *at;
    if (!is_unused_stack(s)) {
      at = &s->next;
      continue;
    }
    *at = s->next;
    s->next = stacks.left;
    stacks.left = s;
    s->left = true;
    atomic_store(&s->visit, atomic_load(&stacks.visit));
    stacks.live--;
  }
  if (stacks.live < before)
    reindex_stacks();
}

/* Under the lock. */
static void free_left_stack(stack *s) {
  left_block b = {lab_numbers_remove(&stacks.numbers, s->id - 1),
                  atomic_load(&stacks.visit)};
  if (b.block)
    lab_buf_append(&stacks.left_blocks, &b, sizeof b);
  lab_intern_give_back(s, count_stack_bytes(s->n));
}

/* Under the lock. */
static void free_left_stacks(void) {
  for (stack **at = &stacks.left; *at;) {
    stack *s = *at;
    if (is_held_since_before(atomic_load(&s->visit))) {
      at = &s->next;
    } else {
      *at = s->next;
      free_left_stack(s);
    }
  }
}

/* Under the lock. */
static void free_left_blocks(void) {
  left_block *b = (void *)stacks.left_blocks.data;
  size_t n = stacks.left_blocks.len / sizeof *b, waiting = 0;
  for (size_t i = 0; i < n; i++) {
    if (is_held_since_before(b[i].visit))
      b[waiting++] = b[i];
    else
      lab_numbers_free_block(b[i].block);
  }
  stacks.left_blocks.len = waiting * sizeof *b;
}

/* Under the lock. */
static void give_back_unused_stacks(void) {
  if (stacks.live > LAB_STACK_KEPT) {
    uint32_t id = add_pseudo_stack("[stack of a step left before]");
    stack *gone = lab_numbers_at(&stacks.numbers, id - 1);
    atomic_store(&gone->visit, FOREVER);
    atomic_store_explicit(&stacks.gone, gone, memory_order_release);
    leave_unused_stacks();
  }
  free_left_stacks();
  free_left_blocks();
}

/* Under the lock. */
static void renew_stack_room(void) {
  uint32_t left = stacks.live < stacks.limit ? stacks.limit - stacks.live : 0;
  uint32_t room = left - left / 4;
  stacks.limit_now =
      stacks.live + (room > LAB_STACK_VISIT_ADDS ? room : LAB_STACK_VISIT_ADDS);
}

static void (*keeper)(void);

void lab_stack_set_keeper(void (*keep)(void)) {
  keeper = keep;
}

void lab_stack_begin_visit(void) {
  if (keeper)
    keeper();
  pthread_mutex_lock(&stacks.lock);
  atomic_fetch_add(&stacks.visit, 1);
  atomic_store(&visitor, &mark_of_thread);
  give_back_unused_stacks();
  renew_stack_room();
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
