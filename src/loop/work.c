/* SPDX-License-Identifier: MIT
 * See work.h. */
#include "loop/work.h"

static void run_work_on_pool(uv_work_t *uv) {
  lab_work *work = LAB_CONTAINER(uv, lab_work, uv);
  work->run(work);
}

static void on_work_done(uv_work_t *uv, int status) {
  lab_work *work = LAB_CONTAINER(uv, lab_work, uv);
  (void)status; /* nobody cancels it */
  lab_turn_end(&work->turn);
  work->done(work);
}

/* With a callback it never returns an error. */
static void queue_work(lab_work *work) {
  uv_queue_work(work->loop, &work->uv, run_work_on_pool, on_work_done);
}

static void on_work_turn(lab_turn *turn) {
  queue_work(LAB_CONTAINER(turn, lab_work, turn));
}

static void set_work(lab_work *work, uv_loop_t *loop,
                     void (*run)(lab_work *work),
                     void (*done)(lab_work *work)) {
  work->loop = loop;
  work->run = run;
  work->done = done;
}

void lab_work_begin(lab_work *work, uv_loop_t *loop, lab_turn_line line,
                    void (*run)(lab_work *work), void (*done)(lab_work *work)) {
  set_work(work, loop, run, done);
  lab_turn_take(&work->turn, line, on_work_turn);
}

void lab_work_at_once(lab_work *work, uv_loop_t *loop,
                      void (*run)(lab_work *work),
                      void (*done)(lab_work *work)) {
  set_work(work, loop, run, done);
  queue_work(work);
}

bool lab_work_withdraw(lab_work *work) {
  bool waits = lab_turn_waits(&work->turn);
  if (waits)
    lab_turn_end(&work->turn);
  return waits;
}
