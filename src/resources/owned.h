/* SPDX-License-Identifier: MIT
 * The list of what steps have outside Lua: files, sockets, timers, processes.
 * What a step has left behind is found here by its generation, and taken back
 * after its tasks have ended.
 *
 * Threads: the VM's. */
#ifndef LAB_RESOURCES_OWNED_H
#define LAB_RESOURCES_OWNED_H

#include <stdint.h>

#include "base/queue.h"

typedef struct lab_vm lab_vm;

/* One such thing. Embedded in its C object. */
typedef struct lab_owned {
  lab_list link;
  uint32_t generation;
  const char *kind; /* "file": what the log calls it, with an s for several.
                       NULL: not mentioned */
  void (*reclaim)(struct lab_owned *o); /* see lab_owned_reclaim */
} lab_owned;

typedef struct lab_owned_list {
  lab_list all; /* of all steps, by lab_owned.link */
} lab_owned_list;

void lab_owned_init(lab_vm *vm);

/* O belongs to the running task's step from now on. KIND is a literal, or NULL
 * for something that a step can't give back itself. */
void lab_owned_add(lab_vm *vm, lab_owned *o, const char *kind,
                   void (*reclaim)(lab_owned *o));
/* O was closed, or collected. Nothing happens if it was removed already. */
void lab_owned_remove(lab_owned *o);
/* Takes back what GENERATION has, and says so in the log, for step STEP.
 * (Generation 0: takes back everything, without a word, for shutdown.) Each one
 * is removed, then its `reclaim` is called, which gives the resource back at
 * once; its Lua object stays, closed. The generation's tasks must have ended.
 * Returns how many there were. */
unsigned lab_owned_reclaim(lab_vm *vm, uint32_t generation, int step);

#endif
