/* SPDX-License-Identifier: MIT
 * See task_snapshot.h. */
#include "inspect/task_snapshot.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "inspect/awaited.h"
#include "prof/goroutine.h"
#include "vm/vm.h"

static lab_vm *observed; /* the control thread's */

void lab_task_snapshot_observe(lab_vm *vm) {
  observed = vm;
}

lab_vm *lab_task_snapshot_vm(void) {
  return observed;
}

/* ---- question and answer ------------------------------------------------- */

static void hand_over_snapshot(lab_call *call) {
  lab_task_snapshot *p = LAB_CONTAINER(call, lab_task_snapshot, call);
  lab_profile_request *r = p->request;
  r->snapshot = p->tasks;
  lab_xfree(p);
  r->taken(r);
}

void lab_task_snapshot_ask(lab_task_snapshot *p, lab_vm *vm,
                           lab_profile_request *r,
                           void (*deliver)(lab_post *post)) {
  p->request = r;
  p->call.answered = hand_over_snapshot;
  lab_call_send(vm, &p->call, deliver);
}

bool lab_task_snapshot_is_unwanted(const lab_task_snapshot *p) {
  return atomic_load(&p->call.vm->stopping) ||
         atomic_load(&p->request->withdrawn);
}

/* ---- one task ------------------------------------------------------------ */

static uint16_t count_minutes(const lab_task *base, uint64_t now) {
  if (base->state != LAB_TASK_WAITING || base->since >= now)
    return 0;
  uint64_t minutes = (now - base->since) / (60 * LAB_SECOND);
  return minutes < UINT16_MAX ? (uint16_t)minutes : UINT16_MAX;
}

void lab_task_snapshot_add(lab_task_snapshot *p, lab_lua_task *t,
                           uint64_t now) {
  const lab_task *base = &t->base;
  bool is_due = lab_task_due(base) <= now;
  lab_goroutine one = {
      .id = base->id,
      .creator = t->creator,
      .stack = lab_lua_task_stack(base),
      .created_by = base->created_by,
      .label = base->label,
      .minutes = is_due ? 0 : count_minutes(base, now),
      .state = is_due ? LAB_TASK_RUNNABLE : base->state,
      .wait = is_due ? LAB_WAIT_NONE : base->wait,
  };
  if (one.state == LAB_TASK_WAITING)
    one.awaited = lab_awaited_find(p->tasks, t);
  lab_goroutines_add(p->tasks, &one);
}

/* ---- the forms ----------------------------------------------------------- */

void lab_task_snapshot_free(void *tasks) {
  lab_goroutines_free(tasks);
}

int lab_task_snapshot_write(const void *now, const void *before, lab_buf *out) {
  return lab_goroutines_write(now, before, out);
}

void lab_task_snapshot_write_text(const void *tasks, int debug, lab_buf *out) {
  (void)debug;
  lab_goroutines_write_text(tasks, out);
}

static void *begin_task_dump(const void *tasks) {
  return lab_goroutine_reader_new(tasks);
}

static bool write_task_dump(void *reader, lab_buf *out) {
  return lab_goroutine_read(reader, out, 256 << 10);
}

static void end_task_dump(void *reader) {
  lab_goroutine_reader_free(reader);
}

const lab_profile_stream lab_task_snapshot_dump = {
    begin_task_dump, write_task_dump, end_task_dump};
