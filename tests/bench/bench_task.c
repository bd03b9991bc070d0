/* SPDX-License-Identifier: MIT
 * What tasks and letters cost, each beside the plainest thing that could do the
 * same job.
 *
 *   task switch    a task is resumed and yields; peer: calling a function for
 *                  each element of a linked list
 *   with sleepers  the same while 10,000 other tasks sleep for an hour
 *   sleep          a task enters and leaves the sleepers, 10,000 in there
 *   letter         from a thread that sends as fast as it can; peer: the same
 *                  number of messages with one eventfd write each
 *   round trip     a letter to the scheduler, an eventfd write back, one at a
 *                  time: both sides sleep; peer: an eventfd ping-pong
 *   parked task    bytes that 100,000 of them add to the process */
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/err.h"
#include "task/sched.h"

enum {
  TASKS = 1000,
  SWITCHES = 10000000,
  SLEEPERS = 10000,
  NAPS = 1000000,
  LETTERS = 2000000,
  TRIPS = 50000,
  PARKED = 100000,
};

static lab_sched *sched;
static unsigned long left;

static void row(const char *name, uint64_t ns, double count, const char *peer,
                uint64_t peer_ns, double peer_count) {
  double mine = (double)ns / count, its = (double)peer_ns / peer_count;
  printf("%-24s %8.1f ns   %-26s %8.1f ns   ratio %.2f\n", name, mine, peer,
         its, mine / its);
}

/* ---- switches ------------------------------------------------------------ */

static void yield(lab_task *task, void *arg) {
  (void)arg;
  lab_task_ready(sched, task);
  if (--left == 0)
    lab_sched_stop(sched);
}

static void nap(lab_task *task, void *arg) {
  (void)arg;
  lab_task_sleep(sched, task, 1 + left % 1000, 0);
  if (--left == 0)
    lab_sched_stop(sched);
}

static void new_sched(void (*resume)(lab_task *, void *)) {
  lab_sched_ops ops = {.resume = resume};
  sched = lab_sched_new(&ops, NULL);
}

static void free_sched(void) {
  const lab_list *all = lab_sched_tasks(sched);
  while (!lab_list_empty(all))
    lab_task_end(sched, LAB_CONTAINER(all->next, lab_task, all));
  lab_sched_free(sched);
}

/* COUNT switches among NTASKS tasks while NSLEEPERS others sleep; ns. */
static uint64_t time_switches(void (*resume)(lab_task *, void *), int ntasks,
                              int nsleepers, unsigned long count) {
  lab_task *tasks = lab_xcalloc((size_t)(ntasks + nsleepers), sizeof *tasks);
  new_sched(resume);
  for (int i = 0; i < ntasks + nsleepers; i++) {
    lab_task_init(sched, &tasks[i], 0);
    if (i < ntasks)
      lab_task_ready(sched, &tasks[i]);
    else
      lab_task_sleep(sched, &tasks[i], 3600 * LAB_SECOND, 0);
  }
  left = count;
  uint64_t began = lab_clock_mono();
  lab_sched_run(sched);
  uint64_t took = lab_clock_mono() - began;
  free_sched();
  lab_xfree(tasks);
  return took;
}

typedef struct element {
  struct element *next;
  void (*call)(struct element *e);
} element;

static __attribute__((noinline)) void called(element *e) {
  __asm__ volatile("" ::"r"(e) : "memory");
}

static uint64_t time_calls(void) {
  element *list = lab_xcalloc(TASKS, sizeof *list);
  for (int i = 0; i < TASKS; i++)
    list[i] = (element){&list[(i + 1) % TASKS], called};
  uint64_t began = lab_clock_mono();
  element *e = list;
  for (unsigned long i = 0; i < SWITCHES; i++, e = e->next)
    e->call(e);
  uint64_t took = lab_clock_mono() - began;
  lab_xfree(list);
  return took;
}

/* ---- letters ------------------------------------------------------------- */

static lab_post *letters;
static int there, back; /* eventfds */

static void receive(lab_post *post) {
  (void)post;
  if (--left == 0)
    lab_sched_stop(sched);
}

static void *send_letters(void *arg) {
  (void)arg;
  for (int i = 0; i < LETTERS; i++)
    lab_sched_post(sched, &letters[i]);
  return NULL;
}

static void *send_events(void *arg) {
  for (long i = 0; i < (long)arg; i++)
    LAB_ASSERT(eventfd_write(there, 1) == 0);
  return NULL;
}

static uint64_t time_letters(void) {
  pthread_t thread;
  new_sched(yield);
  letters = lab_xcalloc(LETTERS, sizeof *letters);
  for (int i = 0; i < LETTERS; i++)
    letters[i].deliver = receive;
  left = LETTERS;
  uint64_t began = lab_clock_mono();
  pthread_create(&thread, NULL, send_letters, NULL);
  lab_sched_run(sched);
  uint64_t took = lab_clock_mono() - began;
  pthread_join(thread, NULL);
  lab_xfree(letters);
  free_sched();
  return took;
}

/* The reader takes what has come together, as the scheduler does; the writer
 * pays a system call for each. */
static uint64_t time_events(long count) {
  pthread_t thread;
  eventfd_t n;
  uint64_t began = lab_clock_mono();
  pthread_create(&thread, NULL, send_events, (void *)count);
  for (long got = 0; got < count; got += (long)n)
    LAB_ASSERT(eventfd_read(there, &n) == 0);
  uint64_t took = lab_clock_mono() - began;
  pthread_join(thread, NULL);
  return took;
}

/* ---- round trips --------------------------------------------------------- */

static void answer(lab_post *post) {
  (void)post;
  LAB_ASSERT(eventfd_write(back, 1) == 0);
}

static void *run_sched(void *arg) {
  lab_sched_run(arg);
  return NULL;
}

static void *echo_events(void *arg) {
  eventfd_t n;
  (void)arg;
  for (int i = 0; i < TRIPS; i++) {
    struct pollfd p = {there, POLLIN, 0};
    LAB_ASSERT(poll(&p, 1, -1) == 1 && eventfd_read(there, &n) == 0);
    LAB_ASSERT(eventfd_write(back, 1) == 0);
  }
  return NULL;
}

static uint64_t time_trips(bool with_letters) {
  pthread_t thread;
  eventfd_t n;
  lab_post post = {.deliver = answer};
  new_sched(yield);
  pthread_create(&thread, NULL, with_letters ? run_sched : echo_events, sched);
  uint64_t began = lab_clock_mono();
  for (int i = 0; i < TRIPS; i++) {
    if (with_letters)
      lab_sched_post(sched, &post);
    else
      LAB_ASSERT(eventfd_write(there, 1) == 0);
    LAB_ASSERT(eventfd_read(back, &n) == 0);
  }
  uint64_t took = lab_clock_mono() - began;
  lab_sched_stop(sched);
  pthread_join(thread, NULL);
  free_sched();
  return took;
}

/* ---- memory -------------------------------------------------------------- */

static size_t resident(void) {
  long size, pages = 0;
  FILE *f = fopen("/proc/self/statm", "r");
  LAB_ASSERT(f && fscanf(f, "%ld %ld", &size, &pages) == 2);
  fclose(f);
  return (size_t)pages * (size_t)sysconf(_SC_PAGESIZE);
}

static void show_memory(void) {
  size_t before = resident();
  lab_task *tasks = lab_xcalloc(PARKED, sizeof *tasks);
  new_sched(yield);
  for (int i = 0; i < PARKED; i++) {
    lab_task_init(sched, &tasks[i], 0);
    lab_task_sleep(sched, &tasks[i], 3600 * LAB_SECOND, 0);
  }
  printf("%-24s %8.1f bytes, of them lab_task %zu\n", "sleeping task",
         (double)(resident() - before) / PARKED, sizeof *tasks);
  free_sched();
  lab_xfree(tasks);
}

int main(void) {
  show_memory(); /* first, while the heap is fresh */
  there = eventfd(0, EFD_CLOEXEC);
  back = eventfd(0, EFD_CLOEXEC);
  uint64_t calls = time_calls(), events = time_events(LETTERS);
  row("task switch", time_switches(yield, TASKS, 0, SWITCHES), SWITCHES,
      "function call via list", calls, SWITCHES);
  row("with 10,000 sleepers", time_switches(yield, TASKS, SLEEPERS, SWITCHES),
      SWITCHES, "function call via list", calls, SWITCHES);
  row("sleep and wake", time_switches(nap, SLEEPERS, 0, NAPS), NAPS,
      "function call via list", calls, SWITCHES);
  row("letter", time_letters(), LETTERS, "eventfd write each", events, LETTERS);
  row("letter round trip", time_trips(true), TRIPS, "eventfd ping-pong",
      time_trips(false), TRIPS);
  return 0;
}
