/* SPDX-License-Identifier: MIT
 * block and mutex against the clock: real locks on a real scheduler, where the
 * test itself measures how long each task waited. */
#include "prof_worker.h"

#include "base/clock.h"
#include "prof/contention.h"
#include "prof/contention_internal.h"
#include "prof/contention_table.h"
#include "prof/label.h"
#include "prof/registry.h"
#include "task/lock.h"

enum { TASKS = 10, HOLD_MS = 5, COUNT = 0, DELAY = 1 };

typedef struct actor {
  lab_task task;
  int turn;         /* 0: wants the lock, 1: has it, 2: had it */
  uint64_t waited;  /* ns, as the test measures it */
  uint64_t arrived; /* mono ns */
} actor;

static lab_sched *sched;
static lab_mutex mutex;
static actor actors[TASKS];
static uint64_t late; /* ns by which all came after the first, in sum */
static uint32_t lock_stack, unlock_stack, sleep_stack;

/* Each task locks, sleeps with the lock, and unlocks. */
static void take_turn(lab_task *task, void *arg) {
  actor *a = LAB_CONTAINER(task, actor, task);
  (void)arg;
  switch (a->turn++) {
  case 0:
    a->arrived = lab_clock_mono();
    if (!lab_mutex_try_lock(sched, &mutex)) {
      lab_mutex_wait(sched, &mutex, task, lock_stack);
      return;
    }
    a->turn++;
    /* fall through */
  case 1:
    lab_task_sleep(sched, task, HOLD_MS * LAB_MILLISECOND, sleep_stack);
    a->turn = 2;
    return;
  default:
    lab_mutex_unlock(sched, &mutex, unlock_stack);
    lab_task_end(sched, task);
    if (lab_sched_count(sched) == 0)
      lab_sched_stop(sched);
  }
}

/* What a waiter measures ends when it runs; profiles end when it could. */
static void resume(lab_task *task, void *arg) {
  actor *a = LAB_CONTAINER(task, actor, task);
  if (a->turn == 1)
    a->waited = lab_clock_mono() - a->arrived;
  take_turn(task, arg);
}

/* All tasks of GENERATION come at once. Returns the ns that they waited. */
static uint64_t contend(uint32_t generation) {
  static const lab_sched_ops ops = {.resume = resume};
  memset(actors, 0, sizeof actors);
  lab_mutex_init(&mutex);
  sched = lab_sched_new(&ops, NULL);
  lab_contention_watch(sched);
  for (int i = 0; i < TASKS; i++) {
    actors[i].task.generation = generation;
    actors[i].task.label = lab_label_intern(0, "mutex", "/");
    lab_task_init(sched, &actors[i].task, 0);
    lab_task_ready(sched, &actors[i].task);
  }
  lab_sched_run(sched);
  lab_contention_unwatch(sched);
  lab_sched_free(sched);
  uint64_t sum = 0;
  late = 0;
  for (int i = 0; i < TASKS; i++) {
    sum += actors[i].waited;
    late += actors[i].arrived - actors[0].arrived;
  }
  return sum;
}

/* Each as the table of profiles has it. */
static const lab_profile_kind *find_kind(lab_contention kind) {
  return lab_registry_find(kind == LAB_BLOCK ? "block" : "mutex");
}

static fx_profile *read_now(lab_contention kind, bool whole,
                            const lab_contention_snapshot *before) {
  lab_contention_snapshot *s = lab_contention_take(kind);
  lab_buf out = LAB_BUF_INIT;
  if (whole)
    lab_contention_whole(s);
  assert_int_equal(find_kind(kind)->write(s, before, &out), 0);
  lab_contention_snapshot_free(s);
  return fx_read(&out);
}

static void assert_near(int64_t got, double want, double share) {
  if ((double)got < want * (1 - share) || (double)got > want * (1 + share))
    fail_msg("%lld is not near %.0f", (long long)got, want);
}

static void assert_profile(fx_profile *p, const char *leaf, int count,
                           uint64_t ns) {
  assert_int_equal(fx_cum(p, NULL, COUNT), count);
  assert_int_equal(fx_flat(p, leaf, COUNT), count);
  assert_near(fx_flat(p, leaf, DELAY), (double)ns, 0.05);
  if (count) {
    assert_int_equal(p->nsamples, 1);
    assert_true(fx_has(p, &p->samples[0], "main.handler"));
    assert_true(fx_has_label(p, &p->samples[0], "step", "mutex"));
  }
  fx_free(p);
}

static int set_up(void **state) {
  (void)state;
  lock_stack = worker_stack("lab.lock");
  unlock_stack = worker_stack("lab.unlock");
  sleep_stack = worker_stack("lab.sleep");
  return 0;
}

static void delays_are_true(void **state) {
  (void)state;
  lab_contention_mark(1);
  uint64_t ns = contend(1);
  /* 1 + 2 + ... + 9 times the lock was held, at least, if all come at once. */
  assert_true(ns + late >= TASKS * (TASKS - 1) / 2 * HOLD_MS * LAB_MILLISECOND);
  assert_int_equal(lab_contention_count(LAB_BLOCK), 1);
  assert_profile(read_now(LAB_BLOCK, false, NULL), "lab.lock", TASKS - 1, ns);
  assert_profile(read_now(LAB_MUTEX, false, NULL), "lab.unlock", TASKS - 1, ns);
}

static void marks_and_differences(void **state) {
  (void)state;
  lab_contention_snapshot *before = lab_contention_take(LAB_BLOCK);
  lab_contention_mark(2);
  assert_profile(read_now(LAB_BLOCK, false, NULL), "lab.lock", 0, 0);
  assert_profile(read_now(LAB_MUTEX, false, NULL), "lab.unlock", 0, 0);
  uint64_t late = contend(1), ns = contend(2);
  assert_profile(read_now(LAB_BLOCK, false, NULL), "lab.lock", TASKS - 1, ns);
  assert_profile(read_now(LAB_MUTEX, false, NULL), "lab.unlock", TASKS - 1, ns);
  /* Latecomers belong to the step before, but to the process all the same. */
  assert_profile(read_now(LAB_BLOCK, true, before), "lab.lock", 2 * (TASKS - 1),
                 late + ns);
  fx_profile *p = read_now(LAB_BLOCK, true, NULL);
  assert_int_equal(fx_cum(p, NULL, COUNT), 3 * (TASKS - 1));
  fx_free(p);
  lab_contention_snapshot_free(before);
}

static void text_says_the_same(void **state) {
  (void)state;
  lab_contention_snapshot *s = lab_contention_take(LAB_MUTEX);
  lab_buf out = LAB_BUF_INIT, binary = LAB_BUF_INIT;
  find_kind(LAB_MUTEX)->write_text(s, 1, &out);
  lab_buf_putc(&out, '\0');
  assert_int_equal(find_kind(LAB_MUTEX)->write(s, NULL, &binary), 0);
  lab_contention_snapshot_free(s);
  fx_profile *p = fx_read(&binary);
  long long ns;
  int count;
  assert_int_equal(sscanf(out.data,
                          "--- mutex:\ncycles/second=1000000000\n"
                          "sampling period=1\n%lld %d @ 0x",
                          &ns, &count),
                   2);
  assert_int_equal(ns, fx_cum(p, NULL, DELAY));
  assert_int_equal(count, fx_cum(p, NULL, COUNT));
  assert_non_null(strstr(out.data, "# labels: {\"route\":\"/\", "
                                   "\"step\":\"mutex\"}\n#\t0x"));
  fx_free(p);
  lab_buf_free(&out);
}

/* The scheduler is busy when a task's time is over, and notices later. */
static void a_wait_ends_with_its_time(void **state) {
  static const lab_sched_ops ops = {.resume = resume};
  (void)state;
  lab_contention_mark(20);
  lab_task task = {.generation = 20};
  sched = lab_sched_new(&ops, NULL);
  lab_contention_watch(sched);
  lab_task_init(sched, &task, 0);
  lab_task_park(sched, &task, LAB_WAIT_RECEIVE, lock_stack);
  lab_task_wake_after(sched, &task, LAB_MILLISECOND);
  uint64_t limit = task.wake - task.since;
  while (lab_clock_mono() < task.wake + 2 * LAB_MILLISECOND)
    ;
  lab_task_give_up(sched, &task);
  lab_task_end(sched, &task);
  lab_contention_unwatch(sched);
  lab_sched_free(sched);
  fx_profile *p = read_now(LAB_BLOCK, false, NULL);
  assert_int_equal(fx_cum(p, NULL, COUNT), 1);
  assert_int_equal(fx_cum(p, NULL, DELAY), limit);
  fx_free(p);
}

static void nothing_while_off(void **state) {
  (void)state;
  lab_contention_set_block_rate(0);
  lab_contention_set_mutex_fraction(0);
  lab_contention_mark(3);
  contend(3);
  assert_profile(read_now(LAB_BLOCK, false, NULL), "lab.lock", 0, 0);
  assert_profile(read_now(LAB_MUTEX, false, NULL), "lab.unlock", 0, 0);
  lab_contention_snapshot *s = lab_contention_take(LAB_MUTEX);
  lab_buf out = LAB_BUF_INIT;
  find_kind(LAB_MUTEX)->write_text(s, 1, &out);
  lab_buf_putc(&out, '\0');
  assert_string_equal(out.data, "--- mutex:\ncycles/second=1000000000\n"
                                "sampling period=0\n");
  lab_contention_snapshot_free(s);
  lab_buf_free(&out);
}

/* Events told to the sink directly, as if the clock had said so. */
enum { EVENTS = 40000, SHORT_NS = 1000 };

static void sampled_are_unbiased(void **state) {
  static const lab_sched_ops ops = {.resume = resume};
  (void)state;
  lab_contention_set_mutex_fraction(10);
  lab_contention_mark(4);
  lab_task holder = {.generation = 4};
  sched = lab_sched_new(&ops, NULL);
  lab_contention_watch(sched);
  for (int i = 0; i < EVENTS; i++)
    lab_sched_contended(sched, &holder, unlock_stack, 1, SHORT_NS);
  lab_contention_unwatch(sched);
  lab_sched_free(sched);
  fx_profile *p = read_now(LAB_MUTEX, false, NULL);
  /* 4000 +- 60 are seen: five sigma is 7.5 %. */
  assert_near(fx_cum(p, NULL, COUNT), EVENTS, 0.1);
  assert_int_equal(fx_cum(p, NULL, DELAY), fx_cum(p, NULL, COUNT) * SHORT_NS);
  assert_int_equal(fx_cum(p, NULL, COUNT) % 10, 0);
  fx_free(p);
}

/* Waits much shorter than the rate: how many and how long stays true. */
static void short_waits_are_unbiased(void **state) {
  static const lab_sched_ops ops = {.resume = resume};
  (void)state;
  lab_contention_set_block_rate(1000000);
  lab_contention_mark(5);
  lab_task task = {.generation = 5};
  uint64_t waited = 0;
  sched = lab_sched_new(&ops, NULL);
  lab_contention_watch(sched);
  lab_task_init(sched, &task, 0);
  for (int i = 0; i < EVENTS; i++) {
    lab_task_park(sched, &task, LAB_WAIT_RECEIVE, lock_stack);
    uint64_t until = task.since + 5000, now = task.since;
    while (now < until)
      now = lab_clock_mono();
    lab_task_park(sched, &task, LAB_WAIT_SLEEP, sleep_stack);
    waited += task.since - (until - 5000);
  }
  lab_task_end(sched, &task);
  lab_contention_unwatch(sched);
  lab_sched_free(sched);
  fx_profile *p = read_now(LAB_BLOCK, false, NULL);
  /* At least 200 are seen: five sigma is a third. */
  assert_near(fx_cum(p, NULL, COUNT), EVENTS, 0.4);
  assert_near(fx_cum(p, NULL, DELAY), (double)waited, 0.4);
  fx_free(p);
}

enum { FLOOD = 3 * LAB_CONTENTION_LIMIT };

/* Each of N contentions has a label or a stack of its own. */
static void flood_contention(uint32_t generation, const char *step, int n) {
  uint32_t label = lab_label_intern(generation, step, "/");
  for (int i = 0; i < n; i++) {
    char text[16];
    snprintf(text, sizeof text, "%d", i);
    lab_frame frame = lab_frame_script(lab_func_pseudo("lab.flood"), i);
    lab_task holder = {.generation = generation};
    holder.label = lab_label_with(generation, label, "key", text);
    lab_sched_contended(sched, &holder, unlock_stack, 1, SHORT_NS);
    lab_sched_contended(sched, &holder, lab_stack_intern(&frame, 1), 1,
                        SHORT_NS);
  }
}

static int64_t count_since(const lab_contention_snapshot *before,
                           const char *function) {
  fx_profile *p = read_now(LAB_MUTEX, true, before);
  int64_t n = function ? fx_flat(p, function, COUNT) : fx_cum(p, NULL, COUNT);
  fx_free(p);
  return n;
}

static void a_step_has_so_many_buckets(void **state) {
  static const lab_sched_ops ops = {.resume = resume};
  (void)state;
  lab_contention_set_mutex_fraction(1);
  sched = lab_sched_new(&ops, NULL);
  lab_contention_watch(sched);
  lab_contention_mark(6);
  lab_label_mark(6);
  lab_contention_snapshot *before = lab_contention_take(LAB_MUTEX);
  flood_contention(6, "flood", FLOOD);
  assert_in_range(lab_contention_count(LAB_MUTEX), LAB_CONTENTION_LIMIT,
                  3 * LAB_CONTENTION_LIMIT);
  lab_contention_snapshot *full = lab_contention_take(LAB_MUTEX);
  lab_contention_mark(0);
  lab_contention_mark(7);
  assert_int_equal(lab_contention_count(LAB_MUTEX), 0);
  lab_contention_snapshot *kept = lab_contention_take(LAB_MUTEX);
  assert_true(kept->n < LAB_CONTENTION_KEPT);
  lab_contention_snapshot_free(kept);
  flood_contention(7, "next", 1);
  fx_profile *p = read_now(LAB_MUTEX, false, NULL);
  assert_int_equal(p->nsamples, 2);
  for (size_t i = 0; i < p->nsamples; i++) {
    assert_true(fx_has_label(p, &p->samples[i], "step", "next"));
    assert_true(fx_has_label(p, &p->samples[i], "key", "0"));
  }
  fx_free(p);
  assert_int_equal(count_since(before, NULL), 2 * FLOOD + 2);
  assert_int_equal(count_since(full, NULL), 2);
  assert_int_equal(count_since(full, "lab.unlock"), 1);
  lab_contention_unwatch(sched);
  lab_sched_free(sched);
  lab_contention_snapshot_free(before);
  lab_contention_snapshot_free(full);
}

int main(void) {
  lab_registry_add_contention();
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(delays_are_true),
      cmocka_unit_test(marks_and_differences),
      cmocka_unit_test(text_says_the_same),
      cmocka_unit_test(a_wait_ends_with_its_time),
      cmocka_unit_test(nothing_while_off),
      cmocka_unit_test(sampled_are_unbiased),
      cmocka_unit_test(short_waits_are_unbiased),
      cmocka_unit_test(a_step_has_so_many_buckets),
  };
  return cmocka_run_group_tests(tests, set_up, NULL);
}
