/* SPDX-License-Identifier: MIT
 * The wall profile against what tasks really did, on a scheduler of the test's
 * own: every ns of every task is accounted for, once. */
#include "prof_worker.h"

#include <pthread.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/rng.h"
#include "base/thread.h"
#include "prof/cpu.h"
#include "prof/label.h"
#include "prof/wall.h"
#include "stack/unwind.h"

enum { COUNT = 0, TIME = 1, CROWD = 400000 };

static lab_sched *sched;
static lab_wall *wall;
static uint32_t sleep_stack, wait_stack, label;
static void (*behaviour)(lab_task *task);

static void resume(lab_task *task, void *arg) {
  (void)arg;
  behaviour(task);
}

static void begin(void (*what)(lab_task *)) {
  static const lab_sched_ops ops = {.resume = resume};
  lab_err err;
  behaviour = what;
  sleep_stack = worker_stack("lab.sleep");
  wait_stack = worker_stack("lab.recv");
  label = lab_label_intern(0, "waits", "/");
  sched = lab_sched_new(&ops, NULL);
  assert_int_equal(lab_wall_start(&wall, 100, &err), 0);
  lab_wall_watch(wall, sched, NULL);
}

/* Ends the profile as the VM would, and reads it. */
static fx_profile *finish(uint64_t *duration) {
  lab_buf out = LAB_BUF_INIT;
  lab_sched_free(sched);
  assert_int_equal(lab_wall_write(wall, &out), 0);
  lab_wall_free(wall);
  fx_profile *p = fx_read(&out);
  pb_in in = {(unsigned char *)p->raw.data,
              (unsigned char *)p->raw.data + p->raw.len};
  while (in.at < in.end) {
    pb_field f = pb_next(&in);
    if (f.number == 10)
      *duration = f.value;
  }
  return p;
}

static int64_t time_in(const fx_profile *p, const char *state) {
  int64_t sum = 0;
  for (size_t i = 0; i < p->nsamples; i++)
    if (fx_has_label(p, &p->samples[i], "state", state))
      sum += p->samples[i].values[TIME];
  return sum;
}

/* The truth lies between what was measured just inside of what is counted, and
 * just outside: another program may have the processor between any two readings
 * of the clock. */
static void assert_between(int64_t got, uint64_t inside, uint64_t outside) {
  const int64_t slack = LAB_MILLISECOND / 10;
  if (got < (int64_t)inside - slack || got > (int64_t)outside + slack)
    fail_msg("%lld is not between %lld and %lld", (long long)got,
             (long long)inside, (long long)outside);
}

static void new_task(lab_task *task) {
  memset(task, 0, sizeof *task);
  task->label = label;
  lab_task_init(sched, task, 0);
  lab_task_ready(sched, task);
}

static void end_all(void) {
  const lab_list *all = lab_sched_tasks(sched);
  while (!lab_list_empty(all))
    lab_task_end(sched, LAB_CONTAINER(all->next, lab_task, all));
}

/* ---- one task: 70 % asleep, 30 % running ----------------------------------
 */

static int rounds;
static uint64_t fell_asleep; /* a moment before it did, or 0 */
static uint64_t slept;       /* and was ready: at most */
static uint64_t ran;         /* at least */

static void nap_and_spin(lab_task *task) {
  uint64_t from = lab_clock_mono();
  if (fell_asleep)
    slept += from - fell_asleep;
  while (lab_clock_mono() < from + 3 * LAB_MILLISECOND)
    ;
  fell_asleep = lab_clock_mono();
  ran += fell_asleep - from;
  lab_task_sleep(sched, task, 7 * LAB_MILLISECOND, sleep_stack);
  if (++rounds == 50)
    lab_sched_stop(sched);
}

static void shares_are_true(void **state) {
  (void)state;
  enum { ASLEEP = 49 * 7 * LAB_MILLISECOND }; /* at least */
  lab_task task;
  uint64_t duration = 0;
  begin(nap_and_spin);
  uint64_t before = lab_clock_mono();
  new_task(&task);
  uint64_t made = lab_clock_mono();
  lab_sched_run(sched);
  uint64_t stopped = lab_clock_mono();
  slept += stopped - fell_asleep; /* it sleeps still */
  lab_wall_end(wall);
  uint64_t ended = lab_clock_mono();
  assert_false(lab_wall_collect(wall));
  end_all();
  fx_profile *p = finish(&duration);
  int64_t sleeping = time_in(p, "sleep"), running = time_in(p, "running");
  assert_between(running, ran, ended - before - ASLEEP);
  assert_between(sleeping + time_in(p, "runnable"), ASLEEP,
                 slept + (made - before) + (ended - stopped));
  assert_true(sleeping >= ASLEEP);
  assert_between(fx_cum(p, NULL, TIME), stopped - made, ended - before);
  assert_int_equal(fx_flat(p, "lab.sleep", TIME), sleeping);
  fx_free(p);
}

/* ---- a task of the lab's own ----------------------------------------------
 */

/* What it has the scheduler for is true time of the process. */
static void its_waiting_is_left_out(void **state) {
  (void)state;
  lab_task task = {.label = 0};
  uint64_t duration = 0;
  rounds = 0;
  fell_asleep = slept = ran = 0;
  begin(nap_and_spin);
  lab_task_start(sched, &task);
  lab_task_hide(sched, &task, true);
  lab_sched_run(sched);
  lab_wall_end(wall);
  uint64_t ended = lab_clock_mono();
  assert_false(lab_wall_collect(wall));
  end_all();
  fx_profile *p = finish(&duration);
  assert_int_equal(time_in(p, "sleep"), 0);
  assert_int_equal(time_in(p, "runnable"), 0);
  assert_between(time_in(p, "running"), ran, ended);
  fx_free(p);
}

/* ---- many tasks, most of which never change -------------------------------
 */

static lab_task crowd[CROWD];
static uint64_t made[CROWD + 1]; /* each was between its time and the next */
static unsigned parked;

static void park(lab_task *task) {
  lab_task_park(sched, task, LAB_WAIT_RECEIVE, wait_stack);
  if (++parked == CROWD)
    lab_sched_stop(sched);
}

static void a_crowd_is_counted_in_slices(void **state) {
  (void)state;
  uint64_t duration = 0, rng = 1, slices = 1, longest = 0;
  begin(park);
  for (int i = 0; i < CROWD; i++) {
    made[i] = lab_clock_mono();
    new_task(&crowd[i]);
  }
  made[CROWD] = lab_clock_mono();
  lab_sched_run(sched);
  usleep(50000);
  uint64_t ends = lab_clock_mono();
  lab_wall_end(wall);
  uint64_t ended = lab_clock_mono();
  for (bool more = true; more; slices += more) {
    uint64_t from = lab_clock_thread_cpu();
    more = lab_wall_collect(wall);
    uint64_t took = lab_clock_thread_cpu() - from;
    longest = took > longest ? took : longest;
    /* Between the slices tasks change, and end, before and behind. */
    for (int i = 0; more && i < 100; i++) {
      lab_task *task = &crowd[lab_rng_next(&rng) % CROWD];
      if (task->state == LAB_TASK_ENDED)
        continue;
      if (i % 2)
        lab_task_end(sched, task);
      else
        lab_task_ready(sched, task);
    }
  }
  assert_true(slices > 1);
  assert_true(longest < 50 * LAB_MILLISECOND);
  end_all();
  fx_profile *p = finish(&duration);
  /* Each has been runnable, then waiting, since it was made; the moment in
   * which it ran is shared by all of them. */
  uint64_t least = 0, most = 0;
  for (int i = 0; i < CROWD; i++) {
    least += ends - made[i + 1];
    most += ended - made[i];
  }
  assert_between(time_in(p, "chan receive") + time_in(p, "runnable"),
                 least - (ends - made[CROWD]), most);
  assert_true(time_in(p, "chan receive") >=
              (int64_t)CROWD * 50 * (int64_t)LAB_MILLISECOND);
  assert_int_equal(fx_flat(p, "lab.recv", TIME), time_in(p, "chan receive"));
  fx_free(p);
}

/* ---- labels ---------------------------------------------------------------
 */

/* When it ran; the label changed between the two in the middle. */
static uint64_t from, middle[2], to;

static void change_label(lab_task *task) {
  from = lab_clock_mono();
  while ((middle[0] = lab_clock_mono()) < from + 30 * LAB_MILLISECOND)
    ;
  lab_task_relabel(sched, task, lab_label_intern(0, "waits", "/second"));
  middle[1] = lab_clock_mono();
  while ((to = lab_clock_mono()) < middle[1] + 60 * LAB_MILLISECOND)
    ;
  lab_task_end(sched, task);
  lab_sched_stop(sched);
}

static void time_goes_to_the_label(void **state) {
  (void)state;
  lab_task task;
  uint64_t duration = 0;
  begin(change_label);
  new_task(&task);
  uint64_t before = lab_clock_mono();
  lab_sched_run(sched);
  uint64_t after = lab_clock_mono();
  lab_wall_end(wall);
  assert_false(lab_wall_collect(wall));
  fx_profile *p = finish(&duration);
  int64_t first = 0, second = 0;
  for (size_t i = 0; i < p->nsamples; i++) {
    const fx_sample *s = &p->samples[i];
    if (!fx_has_label(p, s, "state", "running"))
      continue;
    first += fx_has_label(p, s, "route", "/") * s->values[TIME];
    second += fx_has_label(p, s, "route", "/second") * s->values[TIME];
  }
  assert_between(first, middle[0] - from, middle[1] - before);
  assert_between(second, to - middle[1], after - middle[0]);
  fx_free(p);
}

/* ---- a call that keeps the scheduler's thread ------------------------------
 */

static uint64_t called, returned, spun;

/* It sleeps in the call, and computes elsewhere. */
static void call_and_spin(lab_task *task) {
  called = lab_clock_mono();
  usleep(60000);
  returned = lab_clock_mono();
  lab_sched_kept(sched, task, wait_stack, called, returned);
  while ((spun = lab_clock_mono()) < returned + 40 * LAB_MILLISECOND)
    ;
  lab_task_end(sched, task);
  lab_sched_stop(sched);
}

static void a_call_has_its_time(void **state) {
  (void)state;
  lab_task task;
  uint64_t duration = 0;
  begin(call_and_spin);
  new_task(&task);
  uint64_t before = lab_clock_mono();
  lab_sched_run(sched);
  uint64_t after = lab_clock_mono();
  lab_wall_end(wall);
  assert_false(lab_wall_collect(wall));
  fx_profile *p = finish(&duration);
  int64_t in_call = fx_cum(p, "lab.recv", TIME);
  assert_between(in_call, returned - called, returned - called);
  assert_int_equal(fx_flat(p, "lab.recv", TIME), 0); /* [running, off CPU] */
  assert_true(fx_flat(p, "[running, off CPU]", TIME) >= in_call);
  assert_between(time_in(p, "running"), spun - called, after - before);
  fx_free(p);
}

/* The profile ends while the call lasts, and what comes later doesn't count. */
static void end_meanwhile(lab_task *task) {
  called = lab_clock_mono();
  usleep(20000);
  lab_wall_end(wall);
  returned = lab_clock_mono();
  usleep(20000);
  lab_sched_kept(sched, task, wait_stack, called, lab_clock_mono());
  lab_task_end(sched, task);
  lab_sched_stop(sched);
}

static void a_call_is_cut_off_at_the_end(void **state) {
  (void)state;
  lab_task task;
  uint64_t duration = 0;
  begin(end_meanwhile);
  new_task(&task);
  lab_sched_run(sched);
  assert_false(lab_wall_collect(wall));
  fx_profile *p = finish(&duration);
  assert_between(fx_cum(p, "lab.recv", TIME), 20 * LAB_MILLISECOND,
                 returned - called);
  fx_free(p);
}

/* ---- samples that are lost ------------------------------------------------
 */

static bool lose_sample(const void *context, uint32_t weight) {
  (void)context;
  lab_cpu_lost(weight);
  return true;
}

static uint32_t have_nothing(void) {
  return 0;
}

/* For ten samples: on a busy machine that takes longer than 100 ms. */
static void spin(lab_task *task) {
  from = lab_clock_mono();
  uint64_t until = lab_clock_thread_cpu() + 100 * LAB_MILLISECOND;
  while (lab_clock_thread_cpu() < until)
    ;
  spun = lab_clock_mono();
  lab_task_end(sched, task);
  lab_sched_stop(sched);
}

/* The VM's thread, from whose samples nothing can be seen. */
static void run_blindly(void *arg) {
  static const lab_cpu_vm blind = {.signal = lose_sample,
                                   .pending = have_nothing};
  (void)arg;
  lab_cpu_set_vm(&blind);
  lab_sched_run(sched);
  lab_wall_end(wall);
  lab_cpu_set_vm(NULL);
}

static void lost_samples_count_once(void **state) {
  (void)state;
  lab_task task;
  lab_thread *thread;
  uint64_t duration = 0;
  begin(spin);
  new_task(&task);
  uint64_t before = lab_clock_mono();
  assert_int_equal(lab_thread_start(&thread, "vm", run_blindly, NULL), 0);
  lab_thread_join(thread);
  uint64_t after = lab_clock_mono();
  assert_false(lab_wall_collect(wall));
  fx_profile *p = finish(&duration);
  assert_true(fx_flat(p, "[lost samples]", TIME) > 0);
  assert_between(time_in(p, "running"), spun - from, after - before);
  fx_free(p);
}

/* ---- a task that could run before the profile began -----------------------
 */

static uint32_t find_wait_stack(const lab_task *task) {
  assert_int_equal(task->state, LAB_TASK_RUNNABLE);
  assert_int_equal(task->stack, 0);
  return wait_stack;
}

static void end_at_once(lab_task *task) {
  lab_task_end(sched, task);
  if (lab_sched_count(sched) == 1)
    lab_sched_stop(sched);
}

/* Of two, one runs, and the other one could run until the end. */
static void runnable_ones_have_stacks(void **state) {
  (void)state;
  lab_task tasks[2];
  uint64_t duration = 0;
  begin(end_at_once);
  lab_wall_unwatch(wall);
  new_task(&tasks[0]);
  new_task(&tasks[1]);
  lab_wall_watch(wall, sched, find_wait_stack);
  lab_sched_run(sched);
  usleep(1000);
  lab_wall_end(wall);
  assert_false(lab_wall_collect(wall));
  end_all();
  fx_profile *p = finish(&duration);
  int64_t runnable = time_in(p, "runnable");
  assert_true(runnable > (int64_t)LAB_MILLISECOND);
  assert_int_equal(fx_cum(p, "lab.recv", TIME), runnable);
  assert_int_equal(fx_flat(p, "[runnable]", TIME), runnable);
  fx_free(p);
}

/* ---- several at once ------------------------------------------------------
 */

static void abandoned_ones_harm_nobody(void **state) {
  (void)state;
  lab_task task;
  uint64_t duration = 0;
  lab_wall *others[3];
  lab_err err;
  rounds = 0;
  fell_asleep = 0;
  begin(nap_and_spin);
  for (int i = 0; i < 3; i++) {
    assert_int_equal(lab_wall_start(&others[i], 100 + i, &err), 0);
    lab_wall_watch(others[i], sched, NULL);
  }
  assert_true(lab_sched_is_close(sched));
  new_task(&task);
  lab_sched_run(sched);
  for (int i = 0; i < 3; i++) {
    lab_wall_end(others[i]);
    lab_wall_unwatch(others[i]);
    lab_wall_free(others[i]);
  }
  lab_wall_end(wall);
  assert_false(lab_wall_collect(wall));
  assert_false(lab_sched_is_close(sched));
  end_all();
  fx_profile *p = finish(&duration);
  assert_true(time_in(p, "sleep") >= 49 * 7 * (int64_t)LAB_MILLISECOND);
  fx_free(p);
  assert_false(lab_cpu_active());
}

static int set_up(void **state) {
  (void)state;
  lab_unwind_init();
  return lab_cpu_init();
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(shares_are_true),
      cmocka_unit_test(its_waiting_is_left_out),
      cmocka_unit_test(a_crowd_is_counted_in_slices),
      cmocka_unit_test(time_goes_to_the_label),
      cmocka_unit_test(a_call_has_its_time),
      cmocka_unit_test(a_call_is_cut_off_at_the_end),
      cmocka_unit_test(lost_samples_count_once),
      cmocka_unit_test(runnable_ones_have_stacks),
      cmocka_unit_test(abandoned_ones_harm_nobody),
  };
  return cmocka_run_group_tests(tests, set_up, NULL);
}
