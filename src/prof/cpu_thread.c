/* SPDX-License-Identifier: MIT
 * The threads under observation: a state for each, and a timer on it while a
 * session runs. See cpu_thread.h.
 *
 * Which timer: perf's task clock, where it is allowed and descriptors are left.
 * It fires when it is due, costs nothing while the thread sleeps, and sees
 * system calls too.
 *
 * Else, up to 100 Hz, the thread's CPU clock. The scheduler's tick looks at it,
 * so it can't fire more often than CONFIG_HZ (100 to 1000; 250 on Debian), and
 * fires late on a busy machine: with four busy loops on two processors gaps of
 * 50 to 290 ms of CPU time were seen, where perf kept to 1.1 ms at 1000 Hz.
 *
 * Else a wall-clock timer, which disturbs sleeping threads.
 *
 * The thread that starts a session makes the timers of all threads. So a thread
 * that is in a long system call is sampled, too. */
#include "prof/cpu_thread.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/perf_event.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/fd_shares.h"
#include "base/log.h"
#include "prof/threads.h"

enum {
  TIMER_HZ_MAX = 100,   /* what every kernel's tick can do */
  RING_WORDS = 1 << 16, /* 512 KiB: 1000 samples of 64 frames */
};

pthread_mutex_t lab_cpu_lock = PTHREAD_MUTEX_INITIALIZER;

static lab_list threads = {&threads, &threads};
static void (*drain_thread)(lab_cpu_thread *t); /* cpu.c's */
static int rate; /* the threads tick at, 0 = not at all */
static lab_cpu_source source_wanted;
static size_t ring_words = RING_WORDS;

void lab_cpu_set_ring_words(size_t nwords) {
  ring_words = nwords;
}

void lab_cpu_set_source(lab_cpu_source source) {
  source_wanted = source;
}

/* ---- sources ------------------------------------------------------------- */

static int start_timer(lab_cpu_thread *t, clockid_t clock, uint32_t period_us) {
  struct sigevent ev;
  memset(&ev, 0, sizeof ev);
  ev.sigev_notify = SIGEV_THREAD_ID;
  ev.sigev_signo = SIGPROF;
  ev.sigev_value.sival_ptr = t; /* how the handler knows its own */
  ev._sigev_un._tid = t->tid;
  if (timer_create(clock, &ev, &t->timer))
    return -errno;
  t->has_timer = true;
  struct timespec period = {period_us / 1000000, period_us % 1000000 * 1000};
  struct itimerspec every = {period, period};
  return timer_settime(t->timer, 0, &every, NULL) ? -errno : 0;
}

static int open_perf(pid_t tid, uint32_t period_us) {
  struct perf_event_attr attr;
  memset(&attr, 0, sizeof attr);
  attr.size = sizeof attr;
  attr.type = PERF_TYPE_SOFTWARE;
  attr.config = PERF_COUNT_SW_TASK_CLOCK;
  attr.sample_period = (uint64_t)period_us * 1000;
  attr.wakeup_events = 1;
  attr.disabled = 1;
  int fd = (int)syscall(SYS_perf_event_open, &attr, tid, -1, -1,
                        PERF_FLAG_FD_CLOEXEC);
  if (fd >= 0 && (rlim_t)fd >= lab_fd_shares_now().observers) {
    close(fd); /* the lab needs it to read files */
    return -EMFILE;
  }
  return fd < 0 ? -errno : fd;
}

static int start_perf(lab_cpu_thread *t, uint32_t period_us) {
  int fd = open_perf(t->tid, period_us);
  if (fd < 0)
    return fd;
  struct f_owner_ex owner = {F_OWNER_TID, t->tid};
  atomic_store(&t->perf_fd, fd);
  if (fcntl(fd, F_SETFL, O_ASYNC | O_NONBLOCK) ||
      fcntl(fd, F_SETSIG, SIGPROF) || fcntl(fd, F_SETOWN_EX, &owner) ||
      ioctl(fd, PERF_EVENT_IOC_ENABLE, 0)) {
    int rc = -errno;
    atomic_store(&t->perf_fd, -1);
    close(fd);
    return rc;
  }
  return 0;
}

static int start_source(lab_cpu_thread *t, uint32_t period_us) {
  lab_cpu_source source = source_wanted;
  if (source == LAB_CPU_AUTO || source == LAB_CPU_PERF) {
    if (start_perf(t, period_us) == 0)
      return 0;
    source = rate <= TIMER_HZ_MAX ? LAB_CPU_TIMER : LAB_CPU_MONOTONIC;
  }
  clockid_t clock = source == LAB_CPU_TIMER ? t->clock : CLOCK_MONOTONIC;
  return start_timer(t, clock, period_us);
}

bool lab_cpu_perf_allowed(void) {
  int fd = open_perf(0, 1000000);
  if (fd >= 0)
    close(fd);
  return fd >= 0;
}

/* ---- arming -------------------------------------------------------------- */

/* On T itself no handler can be running. */
static void wait_for_handler(lab_cpu_thread *t) {
  const struct timespec pause = {0, 20000};
  while (t != lab_cpu_self() && atomic_load(&t->in_handler))
    nanosleep(&pause, NULL);
}

uint64_t lab_cpu_thread_unseen(lab_cpu_thread *t) {
  uint64_t seen = atomic_load(&t->sampled_ns), now = lab_clock_read(t->clock);
  return now > seen ? (now - seen) / 1000 : 0;
}

/* CPU time for which no signal came, because the clock was late, is lost: less
 * than two periods are left for the next sample. No handler may be at work. */
static void give_up_unseen(lab_cpu_thread *t) {
  uint64_t us = lab_cpu_thread_unseen(t);
  if (us < 2 * (uint64_t)atomic_load(&t->period_us))
    return;
  atomic_fetch_add(&t->lost_us, us);
  atomic_fetch_add(&t->sampled_ns, us * 1000);
}

/* What the VM has put off until its next sample is lost, too. */
static void give_up_skipped(lab_cpu_thread *t) {
  const lab_cpu_vm *vm = atomic_load(&t->vm);
  if (vm && vm->give_up)
    atomic_fetch_add(&t->lost_us, vm->give_up());
}

static void disarm_thread(lab_cpu_thread *t) {
  bool was_armed = atomic_exchange(&t->armed, false);
  if (t->has_timer)
    timer_delete(t->timer);
  t->has_timer = false;
  int fd = atomic_exchange(&t->perf_fd, -1);
  if (fd >= 0)
    close(fd);
  wait_for_handler(t);
  if (was_armed) {
    give_up_unseen(t);
    give_up_skipped(t);
  }
}

static void arm_thread(lab_cpu_thread *t) {
  uint32_t period_us = 1000000 / (uint32_t)rate;
  if (!atomic_load_explicit(&t->ring, memory_order_relaxed))
    atomic_store_explicit(&t->ring, lab_cpu_ring_new(ring_words),
                          memory_order_release);
  atomic_store(&t->period_us, period_us);
  atomic_store(&t->armed, true);
  int rc = start_source(t, period_us);
  if (rc)
    lab_log("CPU profiler: no timer for thread %d: %s", (int)t->tid,
            strerror(-rc));
}

void lab_cpu_threads_each(void (*visit)(lab_cpu_thread *t)) {
  for (lab_list *l = threads.next; l != &threads; l = l->next)
    visit(LAB_CONTAINER(l, lab_cpu_thread, link));
}

/* The time before the first session belongs to none. */
static void forget_past(lab_cpu_thread *t) {
  atomic_store(&t->sampled_ns, lab_clock_read(t->clock));
  atomic_store(&t->lost_us, 0);
}

void lab_cpu_threads_tune(int hz) {
  if (hz == rate)
    return;
  lab_cpu_threads_each(disarm_thread);
  if (rate == 0)
    lab_cpu_threads_each(forget_past);
  rate = hz;
  if (hz > 0)
    lab_cpu_threads_each(arm_thread);
}

/* ---- threads that come and go -------------------------------------------- */

static void thread_started(lab_thread *self) {
  lab_cpu_thread *t = lab_xcalloc(1, sizeof *t);
  t->tid = self->tid;
  atomic_store(&t->perf_fd, -1);
  pthread_getcpuclockid(self->handle, &t->clock);
  self->observer_data = t;
  pthread_mutex_lock(&lab_cpu_lock);
  lab_list_push_back(&threads, &t->link);
  if (rate > 0)
    arm_thread(t);
  pthread_mutex_unlock(&lab_cpu_lock);
}

static void thread_stopping(lab_thread *self) {
  lab_cpu_thread *t = self->observer_data;
  pthread_mutex_lock(&lab_cpu_lock);
  disarm_thread(t);
  drain_thread(t);
  lab_list_remove(&t->link);
  pthread_mutex_unlock(&lab_cpu_lock);
  /* A signal may still be on its way: it must find nothing. */
  self->observer_data = NULL;
  atomic_signal_fence(memory_order_seq_cst);
  lab_cpu_ring_free(atomic_load(&t->ring));
  lab_xfree(t);
}

void lab_cpu_threads_init(void (*drain)(lab_cpu_thread *t)) {
  static const lab_thread_observer observer = {thread_started, thread_stopping,
                                               lab_threads_creating};
  drain_thread = drain;
  lab_thread_observe(&observer);
}
