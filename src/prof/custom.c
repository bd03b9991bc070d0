/* SPDX-License-Identifier: MIT
 * See custom.h. Numbers that were given back are a list through the places that
 * they have left: the last one is used first. */
#include "prof/custom.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/queue.h"
#include "prof/attempt.h"
#include "prof/counts.h"
#include "prof/label.h"
#include "prof/registry.h"
#include "stack/stack.h"

enum { SIZE_MIN = 64, SIZE_MOST = 1 << 28 };

typedef struct thing {
  uint32_t stack; /* of one that isn't there: the next such one + 1, or 0 */
  uint32_t label;
  bool there;
} thing;

struct lab_custom {
  lab_profile_kind kind;
  atomic_uint owners; /* the owner, and those who hold it */
  char name[LAB_CUSTOM_NAME];
  pthread_mutex_t lock; /* of the rest */
  thing *things;
  size_t size;     /* of that array */
  size_t used;     /* numbers that were ever given, if they come from here */
  size_t count;    /* things that are there */
  uint32_t unused; /* the first number that was given back + 1, or 0 */
};

typedef struct snapshot {
  uint64_t taken_real, attempt;
  lab_counts counts;
  char name[LAB_CUSTOM_NAME];
} snapshot;

static lab_custom *custom_of(const lab_profile_kind *kind) {
  return LAB_CONTAINER((lab_profile_kind *)(uintptr_t)kind, lab_custom, kind);
}

/* ---- names ---------------------------------------------------------------
 */

static bool is_name_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_name_byte(char c) {
  return is_name_letter(c) || (c >= '0' && c <= '9') || c == '_' || c == '-';
}

bool lab_custom_is_name(const char *name) {
  unsigned words = 0;
  const char *at = name;
  if (!is_name_letter(*at))
    return false;
  for (;; at++, words++) {
    const char *word = at;
    while (is_name_byte(*at))
      at++;
    if (at == word)
      return false;
    if (*at != '.')
      break;
  }
  return *at == '\0' && words > 0 && at - name < LAB_CUSTOM_NAME;
}

/* ---- memory ---------------------------------------------------------------
 */

static bool is_counted(const lab_custom *c) {
  return c->kind.generation != 0;
}

static thing *resize_things(const lab_custom *c, size_t size) {
  size_t old = c->size * sizeof *c->things, new = size * sizeof *c->things;
  return is_counted(c) ? lab_counted_realloc(c->things, old, new)
                       : lab_xrealloc(c->things, new);
}

/* For NUMBER. Under the lock, as all of these. */
static bool make_thing_room(lab_custom *c, size_t number) {
  size_t size = c->size ? c->size : SIZE_MIN;
  while (size <= number)
    size *= 2;
  if (size == c->size)
    return true;
  thing *things = size <= SIZE_MOST ? resize_things(c, size) : NULL;
  if (!things)
    return false;
  memset(things + c->size, 0, (size - c->size) * sizeof *things);
  c->things = things;
  c->size = size;
  return true;
}

static void free_things(lab_custom *c) {
  if (is_counted(c))
    lab_counted_free(c->things, c->size * sizeof *c->things);
  else
    lab_xfree(c->things);
  c->things = NULL;
  c->size = c->used = c->count = 0;
  c->unused = 0;
}

/* ---- things ---------------------------------------------------------------
 */

static void put_thing(lab_custom *c, size_t number, uint32_t stack,
                      uint32_t label) {
  c->count += !c->things[number].there;
  c->things[number] = (thing){stack, label, true};
}

int lab_custom_put(lab_custom *c, size_t number, uint32_t stack,
                   uint32_t label) {
  pthread_mutex_lock(&c->lock);
  bool room = make_thing_room(c, number);
  if (room)
    put_thing(c, number, stack, label);
  pthread_mutex_unlock(&c->lock);
  return room ? 0 : -ENOMEM;
}

int64_t lab_custom_add(lab_custom *c, uint32_t stack, uint32_t label) {
  pthread_mutex_lock(&c->lock);
  size_t number = c->unused ? c->unused - 1 : c->used;
  bool room = make_thing_room(c, number);
  if (room) {
    c->used += !c->unused;
    c->unused = c->unused ? c->things[number].stack : 0;
    put_thing(c, number, stack, label);
  }
  pthread_mutex_unlock(&c->lock);
  return room ? (int64_t)number : -ENOMEM;
}

void lab_custom_remove(lab_custom *c, size_t number) {
  pthread_mutex_lock(&c->lock);
  if (number < c->size && c->things[number].there) {
    c->things[number] = (thing){.stack = c->unused};
    c->unused = (uint32_t)number + 1;
    c->count--;
  }
  pthread_mutex_unlock(&c->lock);
}

size_t lab_custom_count(lab_custom *c) {
  pthread_mutex_lock(&c->lock);
  size_t n = c->count;
  pthread_mutex_unlock(&c->lock);
  return n;
}

const char *lab_custom_name(const lab_custom *c) {
  return c->name;
}

/* ---- the profile ----------------------------------------------------------
 */

static size_t count_things(const lab_profile_kind *kind) {
  return lab_custom_count(custom_of(kind));
}

/* Whoever adds something waits only while they are copied. */
static void *take_things(const lab_profile_kind *kind) {
  lab_custom *c = custom_of(kind);
  snapshot *s = lab_xcalloc(1, sizeof *s);
  memcpy(s->name, c->name, sizeof s->name);
  s->taken_real = lab_clock_real();
  s->attempt = lab_attempt_now().id;
  pthread_mutex_lock(&c->lock);
  size_t size = c->size;
  thing *things = lab_xmalloc(size * sizeof *things);
  if (size > 0)
    memcpy(things, c->things, size * sizeof *things);
  pthread_mutex_unlock(&c->lock);
  for (size_t i = 0; i < size; i++)
    if (things[i].there)
      lab_counts_add(&s->counts, things[i].stack, things[i].label, 1);
  lab_xfree(things);
  return s;
}

static void free_custom_snapshot(void *object) {
  snapshot *s = object;
  lab_counts_free(&s->counts);
  lab_xfree(s);
}

static int write_custom(const void *object, const void *before, lab_buf *out) {
  const snapshot *s = object;
  (void)before; /* has_no_delta */
  lab_counts_about about = {
      .name = s->name, .taken = s->taken_real, .attempt = s->attempt};
  return lab_counts_write(&s->counts, &about, out);
}

static void write_custom_text(const void *object, int debug, lab_buf *out) {
  const snapshot *s = object;
  (void)debug;
  lab_counts_write_text(&s->counts, s->name, out);
}

static void keep_things(const lab_profile_kind *kind, uint32_t generation) {
  lab_custom *c = custom_of(kind);
  (void)generation;
  pthread_mutex_lock(&c->lock);
  for (size_t i = 0; i < c->size; i++) {
    if (c->things[i].there) {
      lab_label_keep(c->things[i].label);
      lab_stack_keep(c->things[i].stack);
    }
  }
  pthread_mutex_unlock(&c->lock);
}

/* ---- its life -------------------------------------------------------------
 */

static void hold_custom(const lab_profile_kind *kind) {
  atomic_fetch_add(&custom_of(kind)->owners, 1);
}

static void release_custom(const lab_profile_kind *kind) {
  lab_custom *c = custom_of(kind);
  if (atomic_fetch_sub(&c->owners, 1) > 1)
    return;
  pthread_mutex_destroy(&c->lock);
  lab_xfree(c);
}

lab_custom *lab_custom_new(const char *name, const char *description,
                           uint32_t generation) {
  lab_custom *c = lab_xcalloc(1, sizeof *c);
  snprintf(c->name, sizeof c->name, "%s", name);
  pthread_mutex_init(&c->lock, NULL);
  atomic_store(&c->owners, 1);
  c->kind = (lab_profile_kind){
      .name = c->name,
      .description = description,
      .generation = generation,
      .hold = hold_custom,
      .release = release_custom,
      .count = count_things,
      .take = take_things,
      .free = free_custom_snapshot,
      .write = write_custom,
      .write_text = write_custom_text,
      .has_no_delta = true,
      .mark = keep_things,
  };
  lab_registry_add(&c->kind);
  return c;
}

void lab_custom_end(lab_custom *c) {
  lab_registry_remove(&c->kind);
  pthread_mutex_lock(&c->lock);
  free_things(c);
  pthread_mutex_unlock(&c->lock);
  release_custom(&c->kind);
}
