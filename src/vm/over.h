/* SPDX-License-Identifier: MIT
 * Visits that are over: their step was left, and what it has started is to end.
 * To cancel its tasks in portions wouldn't do where each starts two others
 * before its turn comes. So none of them runs any further: whenever one is
 * resumed, it is cancelled, and becomes late (task/task.h), since there may be
 * a million, and the step that is served shall not wait for them.
 *
 * This isn't for requests, which have some time to end, nor for the task of
 * finalizers (finalizers.h), nor for the lab's own.
 *
 * Threads: the VM's. */
#ifndef LAB_VM_OVER_H
#define LAB_VM_OVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct lab_vm lab_vm;
typedef struct lab_lua_task lab_lua_task;

/* All zeros: there are none. */
typedef struct lab_over {
  /* Private. */
  struct lab_over_visit *visits;
  unsigned count;
  size_t tasks;
} lab_over;

/* The visit GENERATION is over; it may be so already. */
void lab_over_add(lab_vm *vm, uint32_t generation);
/* All that it had is gone: forgets it. Returns how many of its tasks were
 * cancelled because of this. It needn't have been over. */
size_t lab_over_remove(lab_vm *vm, uint32_t generation);
/* How many tasks of such visits were resumed, and have not ended yet. */
size_t lab_over_tasks(const lab_vm *vm);
void lab_over_free(lab_vm *vm);

/* T is about to be resumed. True: it is to end, and its turn comes later. */
bool lab_over_defers(lab_vm *vm, lab_lua_task *t);
/* T has ended. */
void lab_over_note_end(lab_vm *vm, const lab_lua_task *t);

#endif
