/* SPDX-License-Identifier: MIT
 * See stacks.h. The stacks look as those of a Go program that panics.
 *
 *   survey (the VM's thread) -> write (libuv's pool) -> done
 *
 * There is one dump at a time. Signals that come meanwhile are all answered by
 * the next dump, and the log says how many they are. A VM that is in C code
 * can't be asked; the log says so, and in which function, and the dump follows
 * when the VM is back. ABRT doesn't wait that long, because the core has the
 * stacks as well. If ABRT comes while a dump waits for the VM, that dump
 * becomes the one for ABRT, so that it, too, ends in time. */
#include "app/stacks.h"

#include "app/app.h"
#include "base/log.h"
#include "inspect/goroutine_profile.h"
#include "prof/goroutine.h"
#include "vm/preempt.h"

enum { PATIENCE_MS = 500, ASK_MS = 50 };

static lab_app *app_of(lab_app_dump *dump) {
  return LAB_CONTAINER(dump, lab_app, dump);
}

static void begin_stack_dump(lab_app *app);

static void finish_stack_dump(lab_app *app) {
  lab_app_dump *d = &app->dump;
  uv_timer_stop(&d->patience);
  d->busy = false;
  lab_stack_hold_end(&d->stacks);
  if (d->before_abort)
    lab_app_die();
  else if (d->wanted)
    begin_stack_dump(app);
}

/* ---- writing ------------------------------------------------------------- */

static void write_stack_dump(lab_work *work) {
  lab_app_dump *d = LAB_CONTAINER(work, lab_app_dump, work);
  lab_goroutines_log(d->tasks);
  lab_goroutines_free(d->tasks);
}

static void on_stack_dump_written(lab_work *work) {
  finish_stack_dump(app_of(LAB_CONTAINER(work, lab_app_dump, work)));
}

static void on_tasks_taken(lab_profile_request *request) {
  lab_app_dump *d = LAB_CONTAINER(request, lab_app_dump, request);
  lab_app *app = app_of(d);
  uv_timer_stop(&d->patience);
  d->asks = false;
  d->tasks = request->snapshot;
  if (d->tasks) {
    lab_work_begin(&d->work, &app->loop, LAB_TURN_SOON, write_stack_dump,
                   on_stack_dump_written);
  } else {
    lab_log("The stacks can't be had any more: the lab stops");
    finish_stack_dump(app);
  }
}

/* ---- waiting for the VM -------------------------------------------------- */

static void on_vm_silent(uv_timer_t *timer) {
  lab_app_dump *d = LAB_CONTAINER(timer, lab_app_dump, patience);
  lab_app *app = app_of(d);
  char where[128];
  if (!app->vm)
    return;
  lab_preempt_where(where, sizeof where);
  if (!d->before_abort) {
    lab_log("The stacks follow when the VM can be asked: it is in %s", where);
    return;
  }
  lab_log("The stacks can't be had: the VM is in %s", where);
  lab_app_die();
}

static void on_vm_late(uv_timer_t *timer) {
  lab_app_dump *d = LAB_CONTAINER(timer, lab_app_dump, patience);
  lab_app *app = app_of(d);
  if (app->vm)
    lab_preempt_ask_where(app->vm);
  uv_timer_start(timer, on_vm_silent, ASK_MS, 0);
}

/* ---- beginning ----------------------------------------------------------- */

static void begin_stack_dump(lab_app *app) {
  lab_app_dump *d = &app->dump;
  if (d->wanted > 1)
    lab_log("%u signals are answered by these stacks", d->wanted);
  d->wanted = 0;
  d->before_abort = d->abort;
  d->busy = true;
  lab_stack_hold_begin(&d->stacks);
  if (d->before_abort)
    lab_log("SIGABRT: abort");
  if (!app->vm || app->stopping) {
    lab_log("There are no stacks to be had: the lab stops");
    finish_stack_dump(app);
    return;
  }
  d->request = (lab_profile_request){.taken = on_tasks_taken};
  d->asks = true;
  uv_timer_start(&d->patience, on_vm_late, PATIENCE_MS, 0);
  lab_goroutine_profile_take(app->vm, &d->request);
}

/* The dump that waits for the VM is ABRT's from now on. */
static void take_dump_over(lab_app *app) {
  lab_app_dump *d = &app->dump;
  d->before_abort = true;
  lab_log("SIGABRT: abort");
  uv_timer_start(&d->patience, on_vm_late, PATIENCE_MS, 0);
}

void lab_app_log_stacks(lab_app *app) {
  lab_app_dump *d = &app->dump;
  d->wanted++;
  if (!d->busy)
    begin_stack_dump(app);
  else if (d->asks && d->abort && !d->before_abort)
    take_dump_over(app);
}

/* If something keeps the stacks from the log, the deadline of crash.c ends the
 * process with a core. */
void lab_app_abort(lab_app *app) {
  app->dump.abort = true;
  lab_app_log_stacks(app);
}
