/* SPDX-License-Identifier: MIT
 * The scheduler: see sched.h.
 *
 * Three places a task can be in: the run queue, a wait queue of somebody else,
 * or the heap of sleepers (which it may share with a wait queue: a wait with a
 * time limit). Letters from other threads are looked at between any two tasks.
 *
 * Sleeping: before it blocks, the scheduler says so (asleep) and looks once
 * more; a producer that finds the letterbox empty and the flag set takes the
 * flag and writes the eventfd. So there is one wake-up for any number of
 * letters, and none while the scheduler is awake. */
#include "task/sched.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/err.h"

static void note_next(lab_sched *s);

struct lab_sched {
  lab_sched_ops ops;
  void *arg;
  lab_list runnable;
  lab_list tasks;
  lab_task **heap; /* sleepers, by wake */
  size_t nheap, heap_cap;
  atomic_uint_fast64_t next_wake; /* of heap[0], for the signal handler */
  lab_task *running;
  uint64_t last_id;
  atomic_size_t count, waiting;
  lab_mpsc letters;
  int event_fd;
  atomic_bool asleep;
  atomic_bool stop;
};

static uint64_t coarse_now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC_COARSE, &t);
  return (uint64_t)t.tv_sec * LAB_SECOND + (uint64_t)t.tv_nsec;
}

int lab_sched_new(lab_sched **out, const lab_sched_ops *ops, void *arg) {
  int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (fd < 0)
    return -errno;
  lab_sched *s = lab_xcalloc(1, sizeof *s);
  s->ops = *ops;
  s->arg = arg;
  s->event_fd = fd;
  lab_list_init(&s->runnable);
  lab_list_init(&s->tasks);
  note_next(s);
  *out = s;
  return 0;
}

void lab_sched_free(lab_sched *s) {
  LAB_ASSERT(lab_list_empty(&s->tasks));
  close(s->event_fd);
  lab_xfree(s->heap);
  lab_xfree(s);
}

/* ---- sleepers: a binary heap, each task knows its place ------------------ */

static void place(lab_sched *s, size_t i, lab_task *task) {
  s->heap[i] = task;
  task->heap = (uint32_t)i + 1;
}

static void sift_up(lab_sched *s, size_t i, lab_task *task) {
  while (i > 0 && s->heap[(i - 1) / 2]->wake > task->wake) {
    place(s, i, s->heap[(i - 1) / 2]);
    i = (i - 1) / 2;
  }
  place(s, i, task);
}

static void sift_down(lab_sched *s, size_t i, lab_task *task) {
  for (size_t child; (child = 2 * i + 1) < s->nheap; i = child) {
    if (child + 1 < s->nheap && s->heap[child + 1]->wake < s->heap[child]->wake)
      child++;
    if (s->heap[child]->wake >= task->wake)
      break;
    place(s, i, s->heap[child]);
  }
  place(s, i, task);
}

static void note_next(lab_sched *s) {
  atomic_store_explicit(&s->next_wake, s->nheap ? s->heap[0]->wake : UINT64_MAX,
                        memory_order_relaxed);
}

static void heap_add(lab_sched *s, lab_task *task) {
  if (s->nheap == s->heap_cap) {
    s->heap_cap = s->heap_cap ? 2 * s->heap_cap : 64;
    s->heap = lab_xrealloc(s->heap, s->heap_cap * sizeof *s->heap);
  }
  sift_up(s, s->nheap++, task);
  note_next(s);
}

static void heap_remove(lab_sched *s, lab_task *task) {
  if (task->heap == 0)
    return;
  size_t i = task->heap - 1;
  task->heap = 0;
  lab_task *last = s->heap[--s->nheap];
  if (last != task) {
    if (i > 0 && s->heap[(i - 1) / 2]->wake > last->wake)
      sift_up(s, i, last);
    else
      sift_down(s, i, last);
  }
  note_next(s);
}

/* ---- states -------------------------------------------------------------- */

static void enter_state(lab_task *task, lab_task_state state, lab_wait why) {
  task->state = (uint8_t)state;
  task->wait = (uint8_t)why;
  task->since = coarse_now();
}

void lab_task_init(lab_sched *s, lab_task *task) {
  lab_list_init(&task->link);
  lab_list_push_back(&s->tasks, &task->all);
  task->id = ++s->last_id;
  enter_state(task, LAB_TASK_WAITING, LAB_WAIT_NONE);
  atomic_fetch_add_explicit(&s->count, 1, memory_order_relaxed);
  atomic_fetch_add_explicit(&s->waiting, 1, memory_order_relaxed);
}

void lab_task_ready(lab_sched *s, lab_task *task) {
  if (task->state == LAB_TASK_RUNNABLE || task->state == LAB_TASK_ENDED)
    return;
  if (task->state == LAB_TASK_WAITING)
    atomic_fetch_sub_explicit(&s->waiting, 1, memory_order_relaxed);
  lab_list_remove(&task->link);
  heap_remove(s, task);
  enter_state(task, LAB_TASK_RUNNABLE, LAB_WAIT_NONE);
  lab_list_push_back(&s->runnable, &task->link);
}

void lab_task_park(lab_sched *s, lab_task *task, lab_wait why, uint32_t stack) {
  enter_state(task, LAB_TASK_WAITING, why);
  task->stack = stack;
  atomic_fetch_add_explicit(&s->waiting, 1, memory_order_relaxed);
}

void lab_task_sleep(lab_sched *s, lab_task *task, uint64_t ns, uint32_t stack) {
  if (ns == 0) {
    lab_task_ready(s, task);
    return;
  }
  lab_task_park(s, task, LAB_WAIT_SLEEP, stack);
  task->wake = lab_clock_mono() + ns;
  heap_add(s, task);
}

void lab_task_end(lab_sched *s, lab_task *task) {
  if (task->state == LAB_TASK_WAITING)
    atomic_fetch_sub_explicit(&s->waiting, 1, memory_order_relaxed);
  lab_list_remove(&task->link);
  lab_list_remove(&task->all);
  heap_remove(s, task);
  task->state = LAB_TASK_ENDED;
  atomic_fetch_sub_explicit(&s->count, 1, memory_order_relaxed);
}

/* ---- the loop ------------------------------------------------------------ */

static void deliver_letters(lab_sched *s) {
  if (lab_mpsc_empty(&s->letters))
    return;
  lab_mpsc_node *node = lab_mpsc_take_all(&s->letters);
  while (node) {
    lab_mpsc_node *next = node->next; /* deliver may reuse or free it */
    lab_post *post = LAB_CONTAINER(node, lab_post, node);
    post->deliver(post);
    node = next;
  }
}

static void wake_sleepers(lab_sched *s) {
  if (s->nheap == 0)
    return;
  uint64_t now = lab_clock_mono();
  while (s->nheap > 0 && s->heap[0]->wake <= now)
    lab_task_ready(s, s->heap[0]);
}

static void run_first(lab_sched *s) {
  lab_task *task = LAB_CONTAINER(s->runnable.next, lab_task, link);
  lab_list_remove(&task->link);
  task->state = LAB_TASK_RUNNING;
  s->running = task;
  s->ops.resume(task, s->arg);
  s->running = NULL;
}

static void block(lab_sched *s) {
  if (s->ops.idle)
    s->ops.idle(s->arg);
  atomic_store(&s->asleep, true);
  if (lab_mpsc_empty(&s->letters) && !atomic_load(&s->stop)) {
    struct timespec timeout, *limit = NULL;
    if (s->nheap > 0) {
      uint64_t now = lab_clock_mono(), wake = s->heap[0]->wake;
      uint64_t ns = wake > now ? wake - now : 0;
      timeout =
          (struct timespec){(time_t)(ns / LAB_SECOND), (long)(ns % LAB_SECOND)};
      limit = &timeout;
    }
    struct pollfd p = {s->event_fd, POLLIN, 0};
    ppoll(&p, 1, limit, NULL);
  }
  atomic_store(&s->asleep, false);
  uint64_t n;
  if (read(s->event_fd, &n, sizeof n) < 0)
    return; /* nothing was written: EAGAIN */
}

void lab_sched_run(lab_sched *s) {
  while (!atomic_load(&s->stop)) {
    deliver_letters(s);
    wake_sleepers(s);
    if (lab_list_empty(&s->runnable))
      block(s);
    else
      run_first(s);
  }
}

static void wake(lab_sched *s) {
  if (atomic_exchange(&s->asleep, false)) {
    uint64_t one = 1;
    while (write(s->event_fd, &one, sizeof one) < 0 && errno == EINTR)
      ;
  }
}

void lab_sched_stop(lab_sched *s) {
  atomic_store(&s->stop, true);
  wake(s);
}

void lab_sched_post(lab_sched *s, lab_post *post) {
  if (lab_mpsc_push(&s->letters, &post->node))
    wake(s);
}

/* ---- questions ----------------------------------------------------------- */

bool lab_sched_wanted(const lab_sched *s) {
  if (!lab_list_empty(&s->runnable) || atomic_load(&s->stop))
    return true;
  if (atomic_load_explicit(&((lab_sched *)(uintptr_t)s)->letters.head,
                           memory_order_relaxed))
    return true;
  return atomic_load_explicit(&s->next_wake, memory_order_relaxed) <=
         lab_clock_mono();
}

lab_task *lab_sched_running(const lab_sched *s) {
  return s->running;
}

const lab_list *lab_sched_tasks(const lab_sched *s) {
  return &s->tasks;
}

size_t lab_sched_count(const lab_sched *s) {
  return atomic_load_explicit(&s->count, memory_order_relaxed);
}

size_t lab_sched_waiting(const lab_sched *s) {
  return atomic_load_explicit(&s->waiting, memory_order_relaxed);
}

const char *lab_wait_name(lab_wait why) {
  static const char *const names[] = {"", "sleep", "syscall", "join"};
  return names[why];
}
