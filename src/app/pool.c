/* SPDX-License-Identifier: MIT
 * See pool.h. libuv starts its threads with the first piece of work, and gives
 * them no name. But a thread inherits the name and the signal mask of the
 * thread that starts it. So the control thread has the right name and mask for
 * a moment, and gives a piece of work that does nothing. Then ps -L, gdb and
 * perf can tell the threads apart, and none of them takes a signal of the
 * process.
 *
 * libuv calls abort() if it can't start one of them. So the lab tries first
 * whether the process may have so many more threads. */
#include "app/pool.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "app/app.h"
#include "base/thread.h"
#include "stack/sources.h"

enum { POOL_THREADS = 4, POOL_MAX = 1024, POOL_STACK = 8 << 20 }; /* libuv's */

static const char SIZE_VARIABLE[] = "UV_THREADPOOL_SIZE";

/* As libuv reads it: what is no number is 0. */
static int count_pool_threads(void) {
  const char *value = getenv(SIZE_VARIABLE);
  int n = value ? (int)strtol(value, NULL, 10) : POOL_THREADS;
  return n < POOL_MAX ? n : POOL_MAX;
}

void lab_app_size_pool(void) {
  char size[16];
  if (count_pool_threads() >= POOL_THREADS)
    return;
  snprintf(size, sizeof size, "%d", POOL_THREADS);
  setenv(SIZE_VARIABLE, size, 1);
}

static void wait_for_trial_end(void *end) {
  uv_sem_wait(end);
}

/* All of them at the same time. glibc keeps their stacks for the pool. */
static int try_pool_threads(void) {
  const uv_thread_options_t options = {.flags = UV_THREAD_HAS_STACK_SIZE,
                                       .stack_size = POOL_STACK};
  uv_thread_t threads[POOL_MAX];
  int wanted = count_pool_threads(), n = 0;
  uv_sem_t end;
  int rc = uv_sem_init(&end, 0);
  if (rc)
    return rc;
  while (n < wanted && rc == 0) {
    rc = uv_thread_create_ex(&threads[n], &options, wait_for_trial_end, &end);
    n += rc == 0;
  }
  for (int i = 0; i < n; i++)
    uv_sem_post(&end);
  while (n > 0)
    uv_thread_join(&threads[--n]);
  uv_sem_destroy(&end);
  return rc;
}

static void do_nothing(lab_work *work) {
  (void)work;
}

/* libuv makes all its threads here. Their stacks are as large as the main
 * thread's may be (ulimit -s), and have 2 MiB if that is less than a thread can
 * have at all. Writing profiles needs more than 96 KiB, so a small limit is
 * made still smaller for a moment, in which this thread's stack doesn't grow.
 */
static void make_pool_threads(lab_app *app) {
  enum { ENOUGH = 1 << 20, TOO_LITTLE = 4096 };
  struct rlimit limit;
  bool small = getrlimit(RLIMIT_STACK, &limit) == 0 && limit.rlim_cur < ENOUGH;
  if (small)
    setrlimit(RLIMIT_STACK, &(struct rlimit){TOO_LITTLE, limit.rlim_max});
  lab_work_at_once(&app->first_work, &app->loop, do_nothing, do_nothing);
  if (small)
    setrlimit(RLIMIT_STACK, &limit);
}

int lab_app_start_pool(lab_app *app) {
  char name[16];
  sigset_t before;
  pthread_t self = pthread_self();
  pthread_getname_np(self, name, sizeof name);
  lab_thread_block_signals(&before);
  int rc = try_pool_threads();
  if (rc == 0) {
    pthread_setname_np(self, "libuv-worker");
    make_pool_threads(app);
    pthread_setname_np(self, name);
  }
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  return rc;
}

static void find_names_on_pool(lab_work *work) {
  (void)work;
  lab_sources_find_names();
}

void lab_app_name_sources(lab_app *app) {
  lab_work_begin(&app->naming, &app->loop, LAB_TURN_SOON, find_names_on_pool,
                 do_nothing);
}
