/* SPDX-License-Identifier: MIT
 * See registry.h: an array, kept sorted. It is changed on the VM's thread only
 * (and before that runs), under the lock; so that thread reads it without. */
#include "prof/registry.h"

#include <pthread.h>
#include <string.h>

#include "base/alloc.h"
#include "base/err.h"
#include "prof/label.h"
#include "stack/stack.h"

static struct {
  pthread_mutex_t lock;
  const lab_profile_kind **kinds;
  size_t count, cap;
  uint32_t shown; /* visit whose profiles are there, or 0 */
  uint32_t visit; /* the last one; the VM's thread */
} registry = {.lock = PTHREAD_MUTEX_INITIALIZER};

static bool is_shown(const lab_profile_kind *kind) {
  return kind->generation == 0 || kind->generation == registry.shown;
}

/* Where NAME of GENERATION is, or would be. */
static size_t find_kind_place(const char *name, uint32_t generation) {
  size_t i = 0;
  for (; i < registry.count; i++) {
    int order = strcmp(registry.kinds[i]->name, name);
    if (order > 0 ||
        (order == 0 && registry.kinds[i]->generation >= generation))
      break;
  }
  return i;
}

void lab_registry_add(const lab_profile_kind *kind) {
  pthread_mutex_lock(&registry.lock);
  size_t i = find_kind_place(kind->name, kind->generation);
  LAB_ASSERT(i == registry.count ||
             registry.kinds[i]->generation != kind->generation ||
             strcmp(registry.kinds[i]->name, kind->name) != 0);
  if (registry.count == registry.cap) {
    registry.cap = registry.cap ? 2 * registry.cap : 16;
    registry.kinds =
        lab_xrealloc(registry.kinds, registry.cap * sizeof *registry.kinds);
  }
  memmove(&registry.kinds[i + 1], &registry.kinds[i],
          (registry.count - i) * sizeof *registry.kinds);
  registry.kinds[i] = kind;
  registry.count++;
  pthread_mutex_unlock(&registry.lock);
}

void lab_registry_remove(const lab_profile_kind *kind) {
  pthread_mutex_lock(&registry.lock);
  size_t i = find_kind_place(kind->name, kind->generation);
  LAB_ASSERT(i < registry.count && registry.kinds[i] == kind);
  registry.count--;
  memmove(&registry.kinds[i], &registry.kinds[i + 1],
          (registry.count - i) * sizeof *registry.kinds);
  pthread_mutex_unlock(&registry.lock);
}

/* Under the lock. */
static const lab_profile_kind *hold_kind(const lab_profile_kind *kind) {
  if (kind->hold)
    kind->hold(kind);
  return kind;
}

const lab_profile_kind *lab_registry_find(const char *name) {
  const lab_profile_kind *found = NULL;
  pthread_mutex_lock(&registry.lock);
  for (size_t i = 0; i < registry.count && !found; i++)
    if (is_shown(registry.kinds[i]) &&
        strcmp(registry.kinds[i]->name, name) == 0)
      found = hold_kind(registry.kinds[i]);
  pthread_mutex_unlock(&registry.lock);
  return found;
}

size_t lab_registry_list(const lab_profile_kind *out[LAB_REGISTRY_MAX]) {
  size_t n = 0;
  pthread_mutex_lock(&registry.lock);
  for (size_t i = 0; i < registry.count && n < LAB_REGISTRY_MAX; i++)
    if (is_shown(registry.kinds[i]))
      out[n++] = hold_kind(registry.kinds[i]);
  pthread_mutex_unlock(&registry.lock);
  return n;
}

void lab_registry_release(const lab_profile_kind *kind) {
  if (kind->release)
    kind->release(kind);
}

void lab_registry_write_own(lab_json *j) {
  const lab_profile_kind *kinds[LAB_REGISTRY_MAX];
  size_t n = lab_registry_list(kinds);
  lab_json_begin_array(j, LAB_JSON_SPACED);
  for (size_t i = 0; i < n; i++) {
    if (kinds[i]->generation)
      lab_json_text(j, kinds[i]->name);
    lab_registry_release(kinds[i]);
  }
  lab_json_end(j);
}

static void show_visit(uint32_t generation) {
  pthread_mutex_lock(&registry.lock);
  registry.shown = generation;
  pthread_mutex_unlock(&registry.lock);
}

void lab_registry_mark(uint32_t generation) {
  show_visit(generation);
  for (size_t i = 0; i < registry.count; i++)
    if (registry.kinds[i]->mark)
      registry.kinds[i]->mark(registry.kinds[i], generation);
  lab_label_mark(generation);
  if (generation && generation != registry.visit)
    lab_stack_begin_visit();
  registry.visit = generation ? generation : registry.visit;
}
