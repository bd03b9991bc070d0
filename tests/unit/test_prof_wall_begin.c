/* SPDX-License-Identifier: MIT
 * A wall profile that begins while a task runs, which keeps the scheduler's
 * thread: nobody can watch yet, and nothing of its time is lost. */
#include "prof_worker.h"

#include <unistd.h>

#include "base/clock.h"
#include "prof/cpu.h"
#include "prof/label.h"
#include "prof/wall.h"
#include "stack/unwind.h"

enum { TIME = 1 };

static lab_sched *sched;
static lab_wall *wall;
static lab_post asked;
static uint32_t wait_stack;
/* Moments: the profile had not begun yet, and had; the task ran no longer; the
 * profile had ended. */
static uint64_t before, began, stopped, ended;

static void watch_now(lab_post *post) {
  (void)post;
  lab_wall_watch(wall, sched, NULL);
}

/* As another thread would. */
static void ask_for_wall(void) {
  lab_err err;
  before = lab_clock_mono();
  assert_int_equal(lab_wall_start(&wall, 100, &err), 0);
  began = lab_clock_mono();
  asked.deliver = watch_now;
  lab_sched_post_ahead(sched, &asked);
}

/* One task does WHAT; then the profile ends. */
static fx_profile *profile_of(void (*what)(lab_task *task, void *arg)) {
  const lab_sched_ops ops = {.resume = what};
  lab_buf out = LAB_BUF_INIT;
  lab_task task = {.label = lab_label_intern(0, "waits", "/")};
  wait_stack = worker_stack("lab.recv");
  sched = lab_sched_new(&ops, NULL);
  lab_task_start(sched, &task);
  lab_sched_run(sched);
  stopped = lab_clock_mono();
  usleep(10000);
  lab_wall_end(wall);
  ended = lab_clock_mono();
  assert_false(lab_wall_collect(wall));
  if (task.state != LAB_TASK_ENDED)
    lab_task_end(sched, &task);
  lab_sched_free(sched);
  assert_int_equal(lab_wall_write(wall, &out), 0);
  lab_wall_free(wall);
  return fx_read(&out);
}

static uint64_t time_in(const fx_profile *p, const char *state) {
  int64_t sum = 0;
  for (size_t i = 0; i < p->nsamples; i++)
    if (fx_has_label(p, &p->samples[i], "state", state))
      sum += p->samples[i].values[TIME];
  return (uint64_t)sum;
}

/* It sleeps without a word, as if the kernel ran something else. */
static void keep_the_thread(lab_task *task, void *arg) {
  (void)arg;
  usleep(20000);
  ask_for_wall();
  usleep(30000);
  lab_task_park(sched, task, LAB_WAIT_RECEIVE, wait_stack);
  lab_sched_stop(sched);
}

static void what_ran_before_ran_on(void **state) {
  (void)state;
  fx_profile *p = profile_of(keep_the_thread);
  uint64_t ran = time_in(p, "running"), waited = time_in(p, "chan receive");
  assert_in_range(ran, 30 * LAB_MILLISECOND, stopped - before);
  assert_in_range(waited, 10 * LAB_MILLISECOND, ended - before);
  assert_in_range(ran + waited, stopped - began, ended - before);
  fx_free(p);
}

/* A call that is known to have kept the thread. */
static void call(lab_task *task, void *arg) {
  (void)arg;
  uint64_t from = lab_clock_mono();
  usleep(20000);
  ask_for_wall();
  usleep(30000);
  lab_sched_kept(sched, task, wait_stack, from, lab_clock_mono());
  lab_task_end(sched, task);
  lab_sched_stop(sched);
}

static void a_call_may_have_begun_before(void **state) {
  (void)state;
  fx_profile *p = profile_of(call);
  uint64_t in_call = (uint64_t)fx_cum(p, "lab.recv", TIME);
  assert_in_range(in_call, 30 * LAB_MILLISECOND, stopped - before);
  assert_int_equal(fx_flat(p, "lab.recv", TIME), 0); /* [running, off CPU] */
  fx_free(p);
}

static int set_up(void **state) {
  (void)state;
  lab_unwind_init();
  return lab_cpu_init();
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(what_ran_before_ran_on),
      cmocka_unit_test(a_call_may_have_begun_before),
  };
  return cmocka_run_group_tests(tests, set_up, NULL);
}
