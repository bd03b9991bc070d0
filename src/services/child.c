/* SPDX-License-Identifier: MIT
 * See child.h. Each child leads a session of its own, and so a process group,
 * which is killed with it: all that it has started, but for what has begun a
 * session itself (setsid). Children have /dev/null as standard
 * input, output and error.
 *
 * A child is started on libuv's pool, because that takes some milliseconds. The
 * children wait for one thread: a crowd of them must not take the whole pool,
 * which other answers need, too. */
#include "services/child.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/queue.h"
#include "base/spawn.h"
#include "services/services.h"

enum { LOOK_MS = 50 };
static const uint64_t LOCKS_NS = 200 * LAB_MILLISECOND;

typedef struct running_child {
  uv_work_t work;  /* that starts it */
  uv_poll_t end;   /* its pidfd, which is readable when it has ended; */
  uv_timer_t look; /* or, where there is no pidfd: looks now and then */
  uv_loop_t *loop;
  lab_errand *errand; /* NULL: nobody waits for its end any more */
  char **argv;        /* a copy: the errand may be freed while it starts */
  size_t argv_size;
  lab_list link;
  pid_t pid; /* 0: it doesn't run yet */
  int pidfd; /* -1: there is none */
  bool queued;
  int error;         /* of the start; */
  pid_t started_pid; /* both under the lock until the start is done */
} running_child;

/* Those that were started and have not been reaped; and those that wait for
 * being started. */
static lab_list children = {&children, &children};
static lab_list waiting = {&waiting, &waiting};
static pthread_mutex_t children_lock = PTHREAD_MUTEX_INITIALIZER; /* the list */
static running_child *starting; /* by the pool, or NULL */
static pthread_mutex_t start_lock = PTHREAD_MUTEX_INITIALIZER;

static void start_next_child(void);

/* ---- memory -------------------------------------------------------------- */

/* CHILD's words, as they are there: in one block of the scenario's memory.
 * False if the scenario may not have that. */
static bool copy_words(running_child *r, const lab_child *child) {
  size_t n = 0;
  char *block = lab_counted_realloc(NULL, 0, child->argv_size);
  if (!block)
    return false;
  memcpy(block, child->argv, child->argv_size);
  r->argv = (char **)(void *)block;
  r->argv_size = child->argv_size;
  for (; child->argv[n]; n++) /* they are where they were in the other block */
    r->argv[n] = block + (child->argv[n] - (const char *)child->argv);
  return true;
}

static void free_running_child(running_child *r) {
  lab_counted_free(r->argv, r->argv_size);
  lab_xfree(r);
}

static void on_end_closed(uv_handle_t *handle) {
  running_child *r = LAB_CONTAINER((uv_poll_t *)handle, running_child, end);
  close(r->pidfd);
  free_running_child(r);
}

static void on_look_closed(uv_handle_t *handle) {
  free_running_child(LAB_CONTAINER((uv_timer_t *)handle, running_child, look));
}

/* ---- the list ------------------------------------------------------------ */

static void enter_children(running_child *r) {
  pthread_mutex_lock(&children_lock);
  lab_list_push_back(&children, &r->link);
  pthread_mutex_unlock(&children_lock);
}

static void leave_children(running_child *r) {
  pthread_mutex_lock(&children_lock);
  lab_list_remove(&r->link);
  pthread_mutex_unlock(&children_lock);
}

/* ---- its end ------------------------------------------------------------- */

static void kill_child_group(pid_t pid) {
  if (pid > 0)
    kill(-pid, SIGKILL);
}

static void tell_child_end(running_child *r, int status) {
  lab_child *child = LAB_CONTAINER(r->errand, lab_child, errand);
  child->code = WIFEXITED(status) ? WEXITSTATUS(status) : 0;
  child->signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
  child->errand.impl = NULL;
  lab_errand_tell(r->errand, 1);
}

/* Nobody else reaps it, so until then its number is no other process's. What it
 * has left running in its group is killed before: later nobody knows it. */
static void reap_child(running_child *r) {
  int status = 0;
  siginfo_t info = {.si_pid = 0};
  if (waitid(P_PID, (id_t)r->pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
      info.si_pid == 0)
    return;
  kill_child_group(r->pid);
  leave_children(r); /* first: then its number may be another process's */
  waitpid(r->pid, &status, 0);
  if (r->errand)
    tell_child_end(r, status);
  if (r->pidfd >= 0)
    uv_close((uv_handle_t *)&r->end, on_end_closed);
  else
    uv_close((uv_handle_t *)&r->look, on_look_closed);
}

static void on_child_end(uv_poll_t *poll, int status, int events) {
  (void)status;
  (void)events;
  reap_child(LAB_CONTAINER(poll, running_child, end));
}

static void on_child_look(uv_timer_t *timer) {
  reap_child(LAB_CONTAINER(timer, running_child, look));
}

/* Children leave at least half of the process's descriptors alone. */
static int open_pidfd(pid_t pid) {
  struct rlimit limit;
  int fd = (int)syscall(SYS_pidfd_open, pid, 0);
  if (fd >= 0 && (getrlimit(RLIMIT_NOFILE, &limit) < 0 ||
                  (rlim_t)fd >= limit.rlim_cur / 2)) {
    close(fd);
    fd = -1;
  }
  return fd;
}

static void watch_child(running_child *r) {
  r->pidfd = open_pidfd(r->pid);
  if (r->pidfd >= 0 && uv_poll_init(r->loop, &r->end, r->pidfd) == 0) {
    uv_poll_start(&r->end, UV_READABLE, on_child_end);
    return;
  }
  if (r->pidfd >= 0)
    close(r->pidfd);
  r->pidfd = -1;
  uv_timer_init(r->loop, &r->look);
  uv_timer_start(&r->look, on_child_look, LOOK_MS, LOOK_MS);
}

/* ---- its start ----------------------------------------------------------- */

/* libuv's pool. */
static void run_child_start(uv_work_t *work) {
  running_child *r = LAB_CONTAINER(work, running_child, work);
  const lab_spawn_options options = {
      .file = r->argv[0], .argv = r->argv, .out = -1};
  pthread_mutex_lock(&start_lock);
  r->error = lab_spawn(&r->started_pid, &options);
  pthread_mutex_unlock(&start_lock);
}

static void tell_child_start(running_child *r) {
  lab_child *child = LAB_CONTAINER(r->errand, lab_child, errand);
  child->error = r->error;
  child->pid = r->pid;
  if (r->error)
    child->errand.impl = NULL;
  lab_errand_tell(r->errand, 0);
}

static void on_child_started(uv_work_t *work, int status) {
  running_child *r = LAB_CONTAINER(work, running_child, work);
  (void)status; /* nobody cancels it */
  starting = NULL;
  r->pid = r->error ? 0 : r->started_pid;
  if (r->errand)
    tell_child_start(r);
  else
    kill_child_group(r->pid); /* it was stopped meanwhile */
  if (r->error) {
    leave_children(r);
    free_running_child(r);
  } else {
    watch_child(r);
  }
  start_next_child();
}

static void start_next_child(void) {
  if (starting || lab_list_empty(&waiting))
    return;
  running_child *r = LAB_CONTAINER(waiting.next, running_child, link);
  lab_list_remove(&r->link);
  enter_children(r);
  r->queued = false;
  starting = r;
  uv_queue_work(r->loop, &r->work, run_child_start, on_child_started);
}

/* ---- the service --------------------------------------------------------- */

void lab_services_spawn(lab_errand *e) {
  lab_child *child = LAB_CONTAINER(e, lab_child, errand);
  running_child *r = lab_xcalloc(1, sizeof *r);
  r->loop = lab_services_loop_of(e);
  r->errand = e;
  if (!copy_words(r, child)) {
    r->error = -ENOMEM;
    tell_child_start(r);
    lab_xfree(r);
    return;
  }
  e->impl = r;
  lab_list_push_back(&waiting, &r->link);
  r->queued = true;
  start_next_child();
}

void lab_services_kill(lab_child *child, int signal) {
  const running_child *r = child->errand.impl;
  if (r && r->pid > 0)
    kill(r->pid, signal);
}

void lab_services_stop_child(lab_errand *e) {
  running_child *r = e->impl;
  if (!r)
    return;
  r->errand = NULL;
  e->impl = NULL;
  if (r->queued) {
    lab_list_remove(&r->link);
    free_running_child(r);
  } else {
    kill_child_group(r->pid);
  }
}

/* The locks are kept: no child is started any more. */
void lab_services_kill_children(void) {
  uint64_t until = lab_clock_mono() + LOCKS_NS;
  struct timespec t = {(time_t)(until / LAB_SECOND),
                       (long)(until % LAB_SECOND)};
  pthread_mutex_clocklock(&start_lock, CLOCK_MONOTONIC, &t);
  if (pthread_mutex_clocklock(&children_lock, CLOCK_MONOTONIC, &t))
    return;
  for (lab_list *l = children.next; l != &children; l = l->next)
    kill_child_group(LAB_CONTAINER(l, running_child, link)->pid);
  if (starting && starting->error == 0)
    kill_child_group(starting->started_pid);
}
