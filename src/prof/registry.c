/* SPDX-License-Identifier: MIT
 * See registry.h: an array, kept sorted. */
#include "prof/registry.h"

#include <string.h>

#include "base/err.h"
#include "prof/label.h"
#include "stack/stack.h"

static const lab_profile_kind *kinds[LAB_REGISTRY_MAX];
static size_t nkinds;
static uint32_t visit; /* the last one; the VM's thread */

void lab_registry_add(const lab_profile_kind *kind) {
  LAB_ASSERT(nkinds < LAB_REGISTRY_MAX);
  LAB_ASSERT(!lab_registry_find(kind->name));
  size_t i = nkinds++;
  for (; i > 0 && strcmp(kinds[i - 1]->name, kind->name) > 0; i--)
    kinds[i] = kinds[i - 1];
  kinds[i] = kind;
}

const lab_profile_kind *lab_registry_find(const char *name) {
  for (size_t i = 0; i < nkinds; i++)
    if (strcmp(kinds[i]->name, name) == 0)
      return kinds[i];
  return NULL;
}

const lab_profile_kind *lab_registry_at(size_t i) {
  return i < nkinds ? kinds[i] : NULL;
}

void lab_registry_mark(uint32_t generation) {
  for (size_t i = 0; i < nkinds; i++)
    if (kinds[i]->mark)
      kinds[i]->mark(generation);
  lab_label_mark(generation);
  if (generation && generation != visit)
    lab_stack_begin_visit();
  visit = generation ? generation : visit;
}
