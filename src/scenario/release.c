/* SPDX-License-Identifier: MIT
 * See release.h. */
#include "scenario/release.h"

#include "mem/mem.h"
#include "scenario/scenario.h"
#include "vm/vm.h"

static void release_idle_memory(lab_job *job) {
  (void)job;
  lab_mem_release();
}

/* When the program ends there are no workers any more. */
static void submit_release(lab_release *r) {
  if (!r->vm->workers)
    return;
  r->under_way = true;
  r->again = false;
  lab_mem_flush();
  lab_workers_submit(r->vm->workers, &r->job);
}

static void finish_release(lab_job *job) {
  lab_release *r = LAB_CONTAINER(job, lab_release, job);
  r->under_way = false;
  if (r->again)
    submit_release(r);
}

/* A worker reads the job while it is under way. */
void lab_release_begin(lab_vm *vm) {
  lab_release *r = &vm->scenario->release;
  r->again = r->under_way;
  if (r->under_way)
    return;
  r->vm = vm;
  r->job.run = release_idle_memory;
  r->job.done = finish_release;
  submit_release(r);
}
