/* SPDX-License-Identifier: MIT
 * See status.h. */
#include "script/status.h"

#include <string.h>

#include "resources/fds.h"
#include "scenario/request.h"
#include "vm/memory_limit.h"
#include "vm/vm.h"

static void read_tasks(const lab_sched *sched, lab_vm_status *s) {
  bool runs;
  s->tasks = lab_sched_shown(sched, &runs);
  s->running = runs;
  size_t others = s->running + lab_sched_waiting_for(sched, LAB_WAIT_NONE);
  for (lab_wait why = LAB_WAIT_NONE + 1; why < LAB_WAIT_KINDS; why++) {
    s->waiting[why] = lab_sched_waiting_for(sched, why);
    others += s->waiting[why];
  }
  /* The numbers were read one after the other, while tasks went on. */
  s->runnable = s->tasks > others ? s->tasks - others : 0;
}

void lab_vm_read_status(lab_vm *vm, lab_vm_status *s) {
  memset(s, 0, sizeof *s);
  lab_shown_read(vm, &s->step, &s->entry);
  s->memory_limit = lab_memory_read_limit(vm);
  lab_fd_read(vm, &s->fds, &s->fd_limit);
  s->queued = lab_requests_queued(vm);
  read_tasks(vm->sched, s);
  lab_workers_read(vm->workers, &s->workers);
}

void lab_vm_status_free(lab_vm_status *s) {
  lab_shown_give_back(&s->step, &s->entry);
}
