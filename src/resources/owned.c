/* SPDX-License-Identifier: MIT
 * See owned.h. */
#include "resources/owned.h"

#include <string.h>

#include "base/log.h"
#include "resources/resources.h"
#include "vm/vm.h"

static lab_list *get_owned_list(lab_vm *vm) {
  return &vm->resources->owned.all;
}

void lab_owned_init(lab_vm *vm) {
  lab_list_init(get_owned_list(vm));
}

void lab_owned_add(lab_vm *vm, lab_owned *o, const char *kind,
                   void (*reclaim)(lab_owned *o)) {
  o->generation = lab_vm_generation(vm);
  o->kind = kind;
  o->reclaim = reclaim;
  lab_list_push_back(get_owned_list(vm), &o->link);
}

void lab_owned_remove(lab_owned *o) {
  lab_list_remove(&o->link);
}

/* The first one of GENERATION (0: of any), or NULL. */
static lab_owned *find_owned(lab_vm *vm, uint32_t generation) {
  const lab_list *all = get_owned_list(vm);
  for (lab_list *l = all->next; l != all; l = l->next) {
    lab_owned *o = LAB_CONTAINER(l, lab_owned, link);
    if (generation == 0 || o->generation == generation)
      return o;
  }
  return NULL;
}

enum { KINDS_MAX = 8 };

typedef struct tally {
  const char *kind[KINDS_MAX];
  unsigned count[KINDS_MAX];
} tally;

static void count_kind(tally *t, const char *kind) {
  int i = 0;
  while (i < KINDS_MAX - 1 && t->kind[i] && strcmp(t->kind[i], kind) != 0)
    i++;
  t->kind[i] = kind;
  t->count[i]++;
}

unsigned lab_owned_reclaim(lab_vm *vm, uint32_t generation, int step) {
  tally t = {0};
  unsigned n = 0;
  for (lab_owned *o; (o = find_owned(vm, generation)); n++) {
    if (o->kind)
      count_kind(&t, o->kind);
    lab_owned_remove(o);
    o->reclaim(o);
  }
  for (int i = 0; generation != 0 && i < KINDS_MAX && t.kind[i]; i++)
    lab_log("step %d: %u %s%s left behind and taken back", step, t.count[i],
            t.kind[i], t.count[i] == 1 ? " was" : "s were");
  return n;
}
