/* SPDX-License-Identifier: MIT
 * See child.h. Each child leads a session of its own, and so a process group,
 * which is killed with it: all that it has started, but for what has begun a
 * session itself (setsid).
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
#include "base/timed_lock.h"
#include "loop/work.h"
#include "services/pipe.h"
#include "services/services.h"

/* Of zombies that nobody collects there are no more, or they would take the
 * numbers of all other processes. */
enum { LOOK_MS = 50, ZOMBIES_MAX = 1000 };
static const uint64_t LOCKS_NS = 200 * LAB_MILLISECOND;

typedef struct running_child {
  lab_work work;   /* that starts it */
  uv_poll_t end;   /* its pidfd, which is readable when it has ended; */
  uv_timer_t look; /* or, where there is no pidfd: looks now and then */
  uv_loop_t *loop;
  lab_errand *errand; /* NULL: nobody waits for its end any more */
  char **argv;        /* a copy: the errand may be freed while it starts */
  size_t argv_size;
  lab_pipe_ends ends; /* until its errand has them */
  bool wants_pipe[3], err_as_out;
  uint32_t stack, label; /* of who wants it */
  lab_list link;
  pid_t pid; /* 0: it doesn't run yet */
  int pidfd; /* -1: there is none */
  bool queued, watched, ended, collected;
  bool stays_zombie; /* when it has ended: nobody has asked for its end yet */
  bool counts;       /* among the zombies that there may be */
  int error;         /* of the start; */
  pid_t started_pid; /* both under the lock until the start is done */
} running_child;

/* Those that were started and have not been reaped; and those that wait for
 * being started. */
static lab_list children = {&children, &children};
static lab_list waiting = {&waiting, &waiting};
static pthread_mutex_t children_lock = PTHREAD_MUTEX_INITIALIZER; /* the list */
static running_child *starting; /* by the pool, or NULL */
static unsigned zombies;        /* children that are, or may become one */
static lab_child_counts counts;
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
  zombies -= r->counts;
  lab_counted_free(r->argv, r->argv_size);
  lab_xfree(r);
}

/* R is needed until its end was collected and its handle is closed. */
static void free_if_over(running_child *r) {
  if (r->collected && !r->watched)
    free_running_child(r);
}

static void on_end_closed(uv_handle_t *handle) {
  running_child *r = LAB_CONTAINER((uv_poll_t *)handle, running_child, end);
  close(r->pidfd);
  r->watched = false;
  free_if_over(r);
}

static void on_look_closed(uv_handle_t *handle) {
  running_child *r = LAB_CONTAINER((uv_timer_t *)handle, running_child, look);
  r->watched = false;
  free_if_over(r);
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

static void unwatch_child(const running_child *r) {
  if (r->pidfd >= 0)
    uv_close((uv_handle_t *)&r->end, on_end_closed);
  else
    uv_close((uv_handle_t *)&r->look, on_look_closed);
}

/* R has ended: it is a zombie until now. */
static void collect_child(running_child *r) {
  int status = 0;
  counts.zombies--;
  leave_children(r); /* first: then its number may be another process's */
  waitpid(r->pid, &status, 0);
  if (r->errand)
    tell_child_end(r, status);
  r->collected = true;
  free_if_over(r);
}

/* Nobody else collects it, so until then its number is no other process's. What
 * it has left running in its group is killed before: later nobody knows it. */
static void look_for_end(running_child *r) {
  siginfo_t info = {.si_pid = 0};
  int rc = waitid(P_PID, (id_t)r->pid, &info, WEXITED | WNOHANG | WNOWAIT);
  if (rc == 0 && info.si_pid == 0)
    return;
  r->ended = true;
  counts.running--;
  counts.zombies++;
  if (rc == 0) /* else somebody has collected it: an embedding program, say */
    kill_child_group(r->pid);
  unwatch_child(r);
  if (!r->stays_zombie)
    collect_child(r);
}

static void on_child_end(uv_poll_t *poll, int status, int events) {
  (void)status;
  (void)events;
  look_for_end(LAB_CONTAINER(poll, running_child, end));
}

static void on_child_look(uv_timer_t *timer) {
  look_for_end(LAB_CONTAINER(timer, running_child, look));
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
  r->watched = true;
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

/* 0 or a negative errno; then it has no pipes, either. */
static int start_child(running_child *r) {
  lab_pipe_ends *ends = &r->ends;
  int rc = lab_pipe_ends_make(ends, r->wants_pipe, r->stack, r->label);
  if (rc)
    return rc;
  const lab_spawn_options options = {
      .file = r->argv[0],
      .argv = r->argv,
      .in = ends->theirs[0],
      .out = ends->theirs[1],
      .err = ends->theirs[r->err_as_out ? 1 : 2],
  };
  rc = lab_spawn(&r->started_pid, &options);
  lab_pipe_ends_close_theirs(ends);
  if (rc)
    lab_pipe_ends_close_ours(ends);
  return rc;
}

/* libuv's pool. */
static void run_child_start(lab_work *work) {
  running_child *r = LAB_CONTAINER(work, running_child, work);
  pthread_mutex_lock(&start_lock);
  r->error = start_child(r);
  pthread_mutex_unlock(&start_lock);
}

static void tell_child_start(running_child *r) {
  lab_child *child = LAB_CONTAINER(r->errand, lab_child, errand);
  child->error = r->error;
  child->pid = r->pid;
  if (r->error)
    child->errand.impl = NULL;
  else
    lab_services_give_pipes(child, &r->ends);
  lab_errand_tell(r->errand, 0);
}

static void on_child_started(lab_work *work) {
  running_child *r = LAB_CONTAINER(work, running_child, work);
  starting = NULL;
  r->pid = r->error ? 0 : r->started_pid;
  if (r->errand) {
    tell_child_start(r);
  } else { /* it was stopped meanwhile */
    lab_pipe_ends_close_ours(&r->ends);
    kill_child_group(r->pid);
  }
  if (r->error) {
    leave_children(r);
    free_running_child(r);
  } else {
    counts.started++;
    counts.running++;
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
  lab_work_at_once(&r->work, r->loop, run_child_start, on_child_started);
}

/* ---- the service --------------------------------------------------------- */

/* 0, or why there can be no such child. */
static int note_wishes(running_child *r, const lab_child *child) {
  memcpy(r->wants_pipe, child->wants_pipe, sizeof r->wants_pipe);
  r->err_as_out = child->err_as_out;
  r->stays_zombie = child->stays_zombie;
  r->stack = child->errand.stack;
  r->label = child->errand.label;
  if (child->stays_zombie && zombies == ZOMBIES_MAX)
    return -EAGAIN;
  if (!copy_words(r, child))
    return -ENOMEM;
  r->counts = child->stays_zombie;
  zombies += r->counts;
  return 0;
}

void lab_services_spawn(lab_errand *e) {
  lab_child *child = LAB_CONTAINER(e, lab_child, errand);
  running_child *r = lab_xcalloc(1, sizeof *r);
  r->loop = lab_services_loop_of(e);
  r->errand = e;
  r->error = note_wishes(r, child);
  if (r->error) {
    tell_child_start(r);
    free_running_child(r);
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

lab_child_counts lab_services_count_children(void) {
  return counts;
}

/* It stays a zombie no longer than until now, or than until its end. */
static void give_up_zombie(running_child *r) {
  r->stays_zombie = false;
  if (r->ended)
    collect_child(r);
}

void lab_services_collect(lab_child *child) {
  if (child->errand.impl)
    give_up_zombie(child->errand.impl);
}

void lab_services_stop_child(lab_errand *e) {
  lab_child *child = LAB_CONTAINER(e, lab_child, errand);
  running_child *r = e->impl;
  for (int i = 0; i < 3; i++)
    lab_services_drop_pipe(&child->pipes[i]);
  if (!r)
    return;
  r->errand = NULL;
  e->impl = NULL;
  if (r->queued) {
    lab_list_remove(&r->link);
    free_running_child(r);
  } else {
    kill_child_group(r->pid);
    give_up_zombie(r);
  }
}

/* The locks are kept: no child is started any more. */
void lab_services_kill_children(void) {
  uint64_t until = lab_clock_mono() + LOCKS_NS;
  lab_lock_until(&start_lock, until);
  if (!lab_lock_until(&children_lock, until))
    return;
  for (lab_list *l = children.next; l != &children; l = l->next)
    kill_child_group(LAB_CONTAINER(l, running_child, link)->pid);
  if (starting && starting->error == 0)
    kill_child_group(starting->started_pid);
}
