/* SPDX-License-Identifier: MIT
 * The scheduler: order, parking, sleeping, letters from other threads. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/rng.h"
#include "task/sched.h"

/* A task that does what its script says, a letter per resume: y yields, p
 * parks, s sleeps 1 ms, d makes way and is late, e ends. */
typedef struct actor {
  lab_task base;
  const char *script;
  char name;
} actor;

static lab_sched *sched;
static char trace[256];
static size_t ntrace;
static void (*on_parked)(void); /* in the resume that has parked */

static void resume(lab_task *task, void *arg) {
  (void)arg;
  actor *a = LAB_CONTAINER(task, actor, base);
  assert_int_equal(task->state, LAB_TASK_RUNNING);
  assert_ptr_equal(lab_sched_running(sched), task);
  trace[ntrace++] = a->name;
  switch (*a->script++) {
  case 'y':
    lab_task_ready(sched, task);
    break;
  case 'p':
    lab_task_park(sched, task, LAB_WAIT_JOIN, 7);
    on_parked();
    break;
  case 'd':
    lab_task_defer(sched, task);
    break;
  case 's':
    lab_task_sleep(sched, task, LAB_MILLISECOND, 8);
    break;
  default:
    lab_task_end(sched, task);
  }
  if (lab_sched_count(sched) == lab_sched_waiting(sched) &&
      lab_list_empty(lab_sched_tasks(sched)))
    lab_sched_stop(sched);
}

static int setup(void **state) {
  (void)state;
  static const lab_sched_ops ops = {.resume = resume};
  ntrace = 0;
  memset(trace, 0, sizeof trace);
  sched = lab_sched_new(&ops, NULL);
  return 0;
}

static int teardown(void **state) {
  (void)state;
  lab_sched_free(sched);
  return 0;
}

static void add(actor *a, char name, const char *script) {
  memset(a, 0, sizeof *a);
  a->name = name;
  a->script = script;
  lab_task_init(sched, &a->base, 0);
  lab_task_ready(sched, &a->base);
}

static void test_turns(void **state) {
  (void)state;
  actor a, b, c;
  add(&a, 'a', "yye");
  add(&b, 'b', "ye");
  add(&c, 'c', "e");
  assert_int_equal(lab_sched_count(sched), 3);
  assert_true(lab_sched_wanted(sched));
  lab_sched_run(sched);
  assert_string_equal(trace, "abcaba");
  assert_int_equal(lab_sched_count(sched), 0);
  assert_int_equal(a.base.id, 1);
  assert_int_equal(c.base.id, 3);
}

typedef struct waker {
  lab_post post;
  lab_task *task;
} waker;

static void wake(lab_post *post) {
  lab_task *task = LAB_CONTAINER(post, waker, post)->task;
  assert_int_equal(task->state, LAB_TASK_WAITING);
  assert_int_equal(task->wait, LAB_WAIT_JOIN);
  assert_int_equal(task->stack, 7);
  lab_task_ready(sched, task);
  lab_task_ready(sched, task); /* a second time does nothing */
}

static waker waking;
static pthread_t poster;

static void *post_later(void *arg) {
  struct timespec nap = {0, 20 * 1000 * 1000};
  nanosleep(&nap, NULL);
  lab_sched_post(sched, arg);
  return NULL;
}

static void start_poster(void) {
  pthread_create(&poster, NULL, post_later, &waking.post);
}

static void test_park(void **state) {
  (void)state;
  actor a;
  add(&a, 'a', "pe");
  waking = (waker){{{NULL}, wake}, &a.base};
  on_parked = start_poster;
  lab_sched_run(sched);
  pthread_join(poster, NULL);
  assert_string_equal(trace, "aa");
}

/* Until the sleeper is awake, though it may not run yet. */
typedef struct holder {
  lab_post post;
  const lab_task *sleeper;
  unsigned times;
} holder;

static void hold_on(lab_post *post) {
  holder *h = LAB_CONTAINER(post, holder, post);
  assert_int_equal(ntrace, 0);
  if (++h->times < 3 || h->sleeper->state == LAB_TASK_WAITING)
    lab_sched_post(sched, post);
  else
    lab_sched_hold(sched, false);
}

/* An urgent task comes first, also when it yields. */
static void test_urge(void **state) {
  (void)state;
  actor a, b, u;
  add(&a, 'a', "yye");
  add(&b, 'b', "yye");
  add(&u, 'u', "yye");
  lab_task_urge(sched, &u.base, true);
  lab_sched_run(sched);
  assert_string_equal(trace, "uuuababab");
}

/* Late tasks share every other turn, and have all when there are no others. */
static void test_defer(void **state) {
  (void)state;
  actor a, b, l, m;
  add(&l, 'l', "dyye");
  add(&m, 'm', "dyyyye");
  add(&a, 'a', "yye");
  add(&b, 'b', "yye");
  lab_sched_run(sched);
  assert_string_equal(trace, "llmlamblambmambm");
}

static void test_hold(void **state) {
  (void)state;
  actor a, b = {.name = 'b', .script = "e"};
  add(&a, 'a', "ye");
  lab_task_init(sched, &b.base, 0);
  lab_task_sleep(sched, &b.base, LAB_MILLISECOND, 8);
  holder h = {{{NULL}, hold_on}, &b.base, 0};
  lab_sched_hold(sched, true);
  lab_sched_post(sched, &h.post);
  lab_sched_run(sched);
  assert_true(h.times >= 3);
  assert_string_equal(trace, "aba");
}

static void test_sleep(void **state) {
  (void)state;
  actor a;
  add(&a, 'a', "sse");
  uint64_t began = lab_clock_mono();
  lab_sched_run(sched);
  assert_true(lab_clock_mono() - began >= 2 * LAB_MILLISECOND);
  assert_string_equal(trace, "aaa");
}

/* 10,000 sleepers wake in the order of their times, also after every third was
 * woken early. */
enum { SLEEPERS = 10000 };
static uint64_t last_wake;
static unsigned woken;

static void resume_sleeper(lab_task *task, void *arg) {
  (void)arg;
  if (task->wake) {
    assert_true(task->wake >= last_wake);
    last_wake = task->wake;
    woken++;
  }
  lab_task_end(sched, task);
  if (lab_sched_count(sched) == 0)
    lab_sched_stop(sched);
}

static void test_sleepers(void **state) {
  (void)state;
  static const lab_sched_ops ops = {.resume = resume_sleeper};
  lab_sched_free(sched);
  sched = lab_sched_new(&ops, NULL);
  lab_task *tasks = calloc(SLEEPERS, sizeof *tasks);
  assert_non_null(tasks);
  uint64_t seed = 1;
  for (int i = 0; i < SLEEPERS; i++) {
    lab_task_init(sched, &tasks[i], 0);
    lab_task_sleep(sched, &tasks[i],
                   1 + lab_rng_next(&seed) % (50 * LAB_MILLISECOND), 0);
  }
  for (int i = 0; i < SLEEPERS; i += 3) {
    tasks[i].wake = 0;
    lab_task_ready(sched, &tasks[i]);
  }
  lab_sched_run(sched);
  assert_int_equal(woken, SLEEPERS - (SLEEPERS + 2) / 3);
  free(tasks);
}

/* Letters of four threads: none is lost, each thread's in its order. */
enum { THREADS = 4, LETTERS = 50000 };
typedef struct letter {
  lab_post post;
  int thread, number;
} letter;
static letter letters[THREADS][LETTERS];
static int next_number[THREADS], received;

static void receive(lab_post *post) {
  letter *l = LAB_CONTAINER(post, letter, post);
  assert_int_equal(l->number, next_number[l->thread]++);
  if (++received == THREADS * LETTERS)
    lab_sched_stop(sched);
}

static void *send_all(void *arg) {
  letter *mine = arg;
  for (int i = 0; i < LETTERS; i++)
    lab_sched_post(sched, &mine[i].post);
  return NULL;
}

static void test_letters(void **state) {
  (void)state;
  pthread_t threads[THREADS];
  for (int t = 0; t < THREADS; t++) {
    for (int i = 0; i < LETTERS; i++)
      letters[t][i] = (letter){{{NULL}, receive}, t, i};
    pthread_create(&threads[t], NULL, send_all, letters[t]);
  }
  lab_sched_run(sched);
  for (int t = 0; t < THREADS; t++)
    pthread_join(threads[t], NULL);
  assert_int_equal(received, THREADS * LETTERS);
}

/* ---- letters ahead ------------------------------------------------------- */

static lab_post ahead, later;
static lab_task_state found; /* by who watches */
static int told;             /* changes since then */

static void count_change(lab_task_sink *sink, const lab_task *task,
                         lab_task_state next, lab_wait why, uint32_t stack,
                         uint64_t now) {
  (void)sink;
  (void)task;
  (void)why;
  (void)stack;
  (void)now;
  told += next == LAB_TASK_WAITING;
}

static lab_task_sink watcher = {.changes = count_change};

static void begin_to_watch(lab_post *post) {
  (void)post;
  const lab_list *all = lab_sched_tasks(sched);
  found = LAB_CONTAINER(all->next, lab_task, all)->state;
  lab_sched_add_sink(sched, &watcher);
  trace[ntrace++] = '!';
}

static void note_letter(lab_post *post) {
  (void)post;
  trace[ntrace++] = '.';
}

static void stop_at_letter(lab_post *post) {
  note_letter(post);
  lab_sched_stop(sched);
}

static void add_nobody(void) {
}

static void run_and_post(lab_task *task, void *arg) {
  assert_false(lab_sched_wanted(sched));
  lab_sched_post_ahead(sched, &ahead);
  assert_true(lab_sched_wanted(sched));
  lab_sched_post(sched, &later);
  resume(task, arg);
  trace[ntrace++] = ';';
}

/* It finds the task as it was when it was posted, and is told of the change; an
 * ordinary letter waits until the turn is over. */
static void test_ahead(void **state) {
  (void)state;
  static const lab_sched_ops ops = {.resume = run_and_post};
  actor a;
  lab_sched_free(sched);
  sched = lab_sched_new(&ops, NULL);
  ahead.deliver = begin_to_watch;
  later.deliver = stop_at_letter;
  told = 0;
  on_parked = add_nobody;
  add(&a, 'a', "p");
  lab_sched_run(sched);
  assert_string_equal(trace, "a!;.");
  assert_int_equal(found, LAB_TASK_RUNNING);
  assert_int_equal(told, 1);
  lab_task_end(sched, &a.base);
}

static void *post_to_sleeper(void *arg) {
  (void)arg;
  usleep(20000);
  lab_sched_post_ahead(sched, &ahead);
  return NULL;
}

/* A scheduler that sleeps is woken. */
static void test_ahead_wakes(void **state) {
  (void)state;
  pthread_t thread;
  ahead.deliver = stop_at_letter;
  pthread_create(&thread, NULL, post_to_sleeper, NULL);
  lab_sched_run(sched);
  pthread_join(thread, NULL);
  assert_string_equal(trace, ".");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(test_turns, setup, teardown),
      cmocka_unit_test_setup_teardown(test_park, setup, teardown),
      cmocka_unit_test_setup_teardown(test_urge, setup, teardown),
      cmocka_unit_test_setup_teardown(test_defer, setup, teardown),
      cmocka_unit_test_setup_teardown(test_hold, setup, teardown),
      cmocka_unit_test_setup_teardown(test_sleep, setup, teardown),
      cmocka_unit_test_setup_teardown(test_sleepers, setup, teardown),
      cmocka_unit_test_setup_teardown(test_letters, setup, teardown),
      cmocka_unit_test_setup_teardown(test_ahead, setup, teardown),
      cmocka_unit_test_setup_teardown(test_ahead_wakes, setup, teardown),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
