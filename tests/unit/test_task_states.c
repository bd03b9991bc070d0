/* SPDX-License-Identifier: MIT
 * Tasks from outside: the counts, what wanted says, ending in any state, waking
 * early, sleeping for ever, and stopping. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "task/sched.h"

static lab_sched *sched;
static void (*behaviour)(lab_task *task); /* what a resumed task does */
static void (*on_idle)(void);
static unsigned resumed, idled;

static void resume(lab_task *task, void *arg) {
  assert_ptr_equal(arg, &resumed);
  resumed++;
  behaviour(task);
}

static void idle(void *arg) {
  (void)arg;
  idled++;
  if (on_idle)
    on_idle();
}

static int setup(void **state) {
  (void)state;
  static const lab_sched_ops ops = {.resume = resume, .idle = idle};
  behaviour = NULL;
  on_idle = NULL;
  resumed = idled = 0;
  sched = lab_sched_new(&ops, &resumed);
  return 0;
}

static int teardown(void **state) {
  (void)state;
  lab_sched_free(sched);
  return 0;
}

static void assert_counts(size_t all, size_t waiting) {
  assert_int_equal(lab_sched_count(sched), all);
  assert_int_equal(lab_sched_waiting(sched), waiting);
}

static void new_task(lab_task *task) {
  memset(task, 0, sizeof *task);
  lab_task_init(sched, task, 0);
}

static void end_and_stop(lab_task *task) {
  lab_task_end(sched, task);
  lab_sched_stop(sched);
}

/* ---- the table ----------------------------------------------------------- */

static void test_counts(void **state) {
  (void)state;
  lab_task a, b;
  assert_counts(0, 0);
  assert_false(lab_sched_wanted(sched));
  new_task(&a);
  new_task(&b);
  assert_counts(2, 2);
  assert_false(lab_sched_wanted(sched)); /* nobody is ready */
  lab_task_ready(sched, &a);
  lab_task_ready(sched, &a);
  assert_counts(2, 1);
  assert_true(lab_sched_wanted(sched));
  const lab_list *all = lab_sched_tasks(sched);
  assert_ptr_equal(all->next, &a.all);
  assert_ptr_equal(all->next->next, &b.all);
  lab_task_end(sched, &a);
  assert_false(lab_sched_wanted(sched));
  lab_task_end(sched, &b);
  assert_counts(0, 0);
  assert_int_equal(a.state, LAB_TASK_ENDED);
}

static void test_since(void **state) {
  (void)state;
  lab_task a;
  uint64_t before = lab_clock_mono();
  new_task(&a);
  /* The coarse clock is late by a tick of at most 10 ms; let it be 100. */
  assert_true(a.since + 100 * LAB_MILLISECOND > before);
  assert_true(a.since <= lab_clock_mono());
  lab_task_end(sched, &a);
}

/* A task that waits in a queue of its owner is taken out by ready and by end.
 */
static void test_wait_queue(void **state) {
  (void)state;
  lab_list queue;
  lab_task a, b;
  lab_list_init(&queue);
  new_task(&a);
  new_task(&b);
  lab_list_push_back(&queue, &a.link);
  lab_list_push_back(&queue, &b.link);
  lab_task_ready(sched, &a);
  assert_ptr_equal(queue.next, &b.link);
  lab_task_end(sched, &b);
  assert_true(lab_list_empty(&queue));
  lab_task_end(sched, &a); /* out of the run queue */
  assert_false(lab_sched_wanted(sched));
}

/* ---- sleeping ------------------------------------------------------------ */

static void test_wake_early(void **state) {
  (void)state;
  lab_task a, b;
  new_task(&a);
  new_task(&b);
  lab_task_sleep(sched, &a, 3600 * LAB_SECOND, 5);
  lab_task_sleep(sched, &b, UINT64_MAX, 6); /* for ever */
  assert_int_equal(a.wait, LAB_WAIT_SLEEP);
  assert_int_equal(a.stack, 5);
  assert_true(b.wake == UINT64_MAX);
  assert_counts(2, 2);
  assert_false(lab_sched_wanted(sched));
  lab_task_ready(sched, &a); /* as cancelling does */
  assert_int_equal(a.heap, 0);
  assert_int_equal(a.wait, LAB_WAIT_NONE);
  lab_task_end(sched, &b); /* asleep */
  assert_int_equal(b.heap, 0);
  behaviour = end_and_stop;
  lab_sched_run(sched);
  assert_int_equal(resumed, 1);
}

static void test_due_is_wanted(void **state) {
  (void)state;
  lab_task a;
  new_task(&a);
  lab_task_sleep(sched, &a, 1, 0);
  while (lab_clock_mono() <= a.wake)
    ;
  assert_true(lab_sched_wanted(sched));
  lab_task_end(sched, &a);
  assert_false(lab_sched_wanted(sched));
}

static void yield_by_sleep(lab_task *task) {
  if (resumed == 3) {
    end_and_stop(task);
    return;
  }
  lab_task_sleep(sched, task, 0, 0);
  assert_int_equal(task->state, LAB_TASK_RUNNABLE);
}

static void test_sleep_zero(void **state) {
  (void)state;
  lab_task a;
  new_task(&a);
  lab_task_ready(sched, &a);
  behaviour = yield_by_sleep;
  lab_sched_run(sched);
  assert_int_equal(resumed, 3);
  assert_int_equal(idled, 0);
}

/* Signals may not cut a sleep short. */
static void ignore(int sig) {
  (void)sig;
}

static atomic_bool enough;

static void *shoot(void *arg) {
  struct timespec nap = {0, 500000};
  while (!atomic_load(&enough)) {
    nanosleep(&nap, NULL);
    pthread_kill(*(pthread_t *)arg, SIGUSR1);
  }
  return NULL;
}

static void test_signals(void **state) {
  (void)state;
  struct sigaction sa = {.sa_handler = ignore}, before;
  pthread_t me = pthread_self(), thread;
  lab_task a;
  new_task(&a);
  sigaction(SIGUSR1, &sa, &before);
  lab_task_sleep(sched, &a, 30 * LAB_MILLISECOND, 0);
  behaviour = end_and_stop;
  pthread_create(&thread, NULL, shoot, &me);
  lab_sched_run(sched);
  assert_true(lab_clock_mono() >= a.wake);
  atomic_store(&enough, true);
  pthread_join(thread, NULL);
  sigaction(SIGUSR1, &before, NULL);
}

/* ---- running and stopping ------------------------------------------------ */

static lab_task *other;

static void end_both(lab_task *task) {
  assert_ptr_equal(lab_sched_running(sched), task);
  lab_task_park(sched, task, LAB_WAIT_WORKER, 9);
  assert_ptr_equal(lab_sched_running(sched), task); /* still in its resume */
  assert_counts(2, 1);
  lab_task_end(sched, other); /* runnable */
  lab_task_end(sched, task);  /* waiting, in its own resume */
  assert_null(lab_sched_running(sched));
  lab_sched_stop(sched);
}

static void test_end_others(void **state) {
  (void)state;
  lab_task a, b;
  other = &b;
  new_task(&a);
  new_task(&b);
  lab_task_ready(sched, &a);
  lab_task_ready(sched, &b);
  behaviour = end_both;
  lab_sched_run(sched);
  assert_int_equal(resumed, 1);
  assert_counts(0, 0);
}

static void ready_other(void) {
  if (idled == 1)
    lab_task_ready(sched, other);
}

/* What idle makes ready runs, though nobody sends a letter. */
static void test_idle_readies(void **state) {
  (void)state;
  lab_task a;
  other = &a;
  new_task(&a);
  on_idle = ready_other;
  behaviour = end_and_stop;
  lab_sched_run(sched);
  assert_int_equal(idled, 1);
}

static void test_stop_first(void **state) {
  (void)state;
  lab_task a;
  new_task(&a);
  lab_task_ready(sched, &a);
  lab_sched_stop(sched);
  assert_true(lab_sched_wanted(sched));
  lab_sched_run(sched);
  assert_int_equal(resumed, 0);
  lab_task_end(sched, &a);
}

static void *stop_later(void *arg) {
  struct timespec nap = {0, 20000000};
  (void)arg;
  nanosleep(&nap, NULL);
  lab_sched_stop(sched);
  return NULL;
}

static void test_stop_wakes(void **state) {
  (void)state;
  pthread_t thread;
  pthread_create(&thread, NULL, stop_later, NULL);
  lab_sched_run(sched); /* blocks with nothing to wait for */
  pthread_join(thread, NULL);
  assert_int_equal(idled, 1);
}

/* ---- letters that come quietly ------------------------------------------- */

static lab_post quiet, loud;
static atomic_uint arrived;

static void count_letter(lab_post *post) {
  (void)post;
  atomic_fetch_add(&arrived, 1);
}

/* Gives up after 5 s, so that a lost letter fails the test. */
static void *post_both(void *arg) {
  struct timespec nap = {0, 10000000};
  (void)arg;
  nanosleep(&nap, NULL); /* the scheduler sleeps by now, most likely */
  lab_sched_post_quietly(sched, &quiet);
  lab_sched_post(sched, &loud);
  for (int i = 0; i < 500 && atomic_load(&arrived) < 2; i++)
    nanosleep(&nap, NULL);
  lab_sched_stop(sched);
  return NULL;
}

/* A letter that may not wait wakes, though a quiet one lies there already. */
static void test_quiet_then_loud(void **state) {
  (void)state;
  pthread_t thread;
  quiet.deliver = loud.deliver = count_letter;
  atomic_store(&arrived, 0);
  pthread_create(&thread, NULL, post_both, NULL);
  lab_sched_run(sched);
  pthread_join(thread, NULL);
  assert_int_equal(arrived, 2);
}

static void *post_quietly_then_wake(void *arg) {
  struct timespec nap = {0, 10000000};
  (void)arg;
  nanosleep(&nap, NULL);
  lab_sched_post_quietly(sched, &quiet);
  lab_sched_post_quietly(sched, &loud);
  lab_sched_wake(sched);
  for (int i = 0; i < 500 && atomic_load(&arrived) < 2; i++)
    nanosleep(&nap, NULL);
  lab_sched_stop(sched);
  return NULL;
}

static void test_quiet_then_wake(void **state) {
  (void)state;
  pthread_t thread;
  quiet.deliver = loud.deliver = count_letter;
  atomic_store(&arrived, 0);
  pthread_create(&thread, NULL, post_quietly_then_wake, NULL);
  lab_sched_run(sched);
  pthread_join(thread, NULL);
  assert_int_equal(arrived, 2);
}

/* ---- fairness ------------------------------------------------------------ */

static unsigned delivered;

static void deliver_again(lab_post *post) {
  if (++delivered == 1000)
    lab_sched_stop(sched);
  else
    lab_sched_post(sched, post);
}

static void yield(lab_task *task) {
  lab_task_ready(sched, task);
}

/* A letter that sends itself again and a task that always yields: both go on,
 * in turns. */
static void test_nobody_starves(void **state) {
  (void)state;
  lab_task a;
  lab_post post = {.deliver = deliver_again};
  delivered = 0;
  new_task(&a);
  lab_task_ready(sched, &a);
  behaviour = yield;
  lab_sched_post(sched, &post);
  assert_true(lab_sched_wanted(sched));
  lab_sched_run(sched);
  assert_int_equal(delivered, 1000);
  assert_in_range(resumed, 999, 1000);
  lab_task_end(sched, &a);
}

/* A task that steps aside has a letter delivered, and goes on before others. */
static char order[8];
static unsigned turns;

static void note_letter(lab_post *post) {
  (void)post;
  order[turns++] = 'L';
}

static void step_aside(lab_task *task) {
  static lab_post post;
  order[turns++] = task == other ? 'o' : 's';
  if (task == other) {
    end_and_stop(task);
  } else if (resumed == 1) {
    assert_false(lab_sched_has_letters(sched));
    post.deliver = note_letter;
    lab_sched_post(sched, &post);
    assert_true(lab_sched_has_letters(sched));
    task->stack = 7;
    lab_task_step_aside(sched, task);
    assert_int_equal(task->state, LAB_TASK_RUNNABLE);
    assert_int_equal(task->stack, 7);
  } else {
    lab_task_end(sched, task);
  }
}

static void test_step_aside(void **state) {
  (void)state;
  lab_task a, b;
  turns = 0;
  other = &b;
  new_task(&a);
  new_task(&b);
  lab_task_ready(sched, &a);
  lab_task_ready(sched, &b);
  behaviour = step_aside;
  lab_sched_run(sched);
  assert_string_equal(order, "sLso");
}

/* The first task started others, and each begins when the one before it ended,
 * but not earlier than it was started. */
static uint64_t times[4];

static void start_others(lab_task *task) {
  static lab_task others[2];
  times[resumed] = task->since;
  if (resumed == 1) {
    memset(others, 0, sizeof others);
    for (int i = 0; i < 2; i++) {
      lab_task_start(sched, &others[i]);
      assert_int_equal(others[i].state, LAB_TASK_RUNNABLE);
      assert_int_equal(others[i].id, 2 + i);
    }
    times[0] = others[1].since;
  }
  lab_task_end(sched, task);
  if (resumed == 3)
    lab_sched_stop(sched);
}

static void test_start(void **state) {
  (void)state;
  lab_task a = {0};
  lab_task_start(sched, &a);
  behaviour = start_others;
  lab_sched_run(sched);
  assert_true(times[1] > 0 && times[1] <= times[0]);
  assert_true(times[0] <= times[2] && times[2] <= times[3]);
}

static void test_names(void **state) {
  (void)state;
  assert_string_equal(lab_wait_name(LAB_WAIT_NONE), "");
  assert_string_equal(lab_wait_name(LAB_WAIT_SLEEP), "sleep");
  assert_string_equal(lab_wait_name(LAB_WAIT_WORKER), "syscall");
  assert_string_equal(lab_wait_name(LAB_WAIT_JOIN), "join");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(test_counts),          TEST(test_since),
      TEST(test_wait_queue),      TEST(test_wake_early),
      TEST(test_due_is_wanted),   TEST(test_sleep_zero),
      TEST(test_signals),         TEST(test_end_others),
      TEST(test_idle_readies),    TEST(test_stop_first),
      TEST(test_stop_wakes),      TEST(test_nobody_starves),
      TEST(test_quiet_then_loud), TEST(test_quiet_then_wake),
      TEST(test_names),           TEST(test_step_aside),
      TEST(test_start),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
