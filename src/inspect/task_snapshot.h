/* SPDX-License-Identifier: MIT
 * What the profiles that show tasks have in common (goroutine_profile.c,
 * leak_profile.c): the question and its answer, one task's entry, and the forms
 * of the result.
 *
 * The VM whose tasks they show is in a static variable: one VM per process. */
#ifndef LAB_INSPECT_TASK_SNAPSHOT_H
#define LAB_INSPECT_TASK_SNAPSHOT_H

#include <stdbool.h>
#include <stdint.h>

#include "prof/registry.h"
#include "vm/inbox.h"
#include "vm/task.h"

/* A question for a snapshot of tasks, and the way back. The first member of the
 * asker's own object, which is lab_xcalloc's, and freed when it is answered. */
typedef struct lab_task_snapshot {
  lab_call call;
  lab_profile_request *request;
  struct lab_goroutines *tasks; /* the answer (prof/goroutine.h), or NULL */
} lab_task_snapshot;

/* Profiles show VM's tasks from now on; NULL: nobody's. Control thread. */
void lab_task_snapshot_observe(lab_vm *vm);
lab_vm *lab_task_snapshot_vm(void);

/* Has DELIVER called on the VM's thread, which gives the answer by
 * lab_call_answer. Control thread. */
void lab_task_snapshot_ask(lab_task_snapshot *p, lab_vm *vm,
                           lab_profile_request *r,
                           void (*deliver)(lab_post *post));
/* Nobody waits for it any more, so it must be answered now. VM's thread. */
bool lab_task_snapshot_is_unwanted(const lab_task_snapshot *p);
/* Adds T, which isn't running; it shows the moment NOW (mono ns). VM's thread.
 */
void lab_task_snapshot_add(lab_task_snapshot *p, lab_lua_task *t, uint64_t now);

/* For the lab_profile_kind of such snapshots: TASKS is a lab_goroutines. Any
 * thread, one at a time. */
void lab_task_snapshot_free(void *tasks);
int lab_task_snapshot_write(const void *now, const void *before, lab_buf *out);
void lab_task_snapshot_write_text(const void *tasks, int debug, lab_buf *out);
extern const lab_profile_stream lab_task_snapshot_dump;

#endif
