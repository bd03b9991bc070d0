/* SPDX-License-Identifier: MIT
 * See thread.h. */
#include "base/thread.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/alloc.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static lab_thread *threads;
static lab_thread_observer observer;

/* initial-exec: other thread-local storage may be allocated at its first use,
 * which a signal handler must not do. */
static __thread lab_thread *self __attribute__((tls_model("initial-exec")));

enum {
  SIGNAL_STACK = 128 << 10,
  LEAST_STACK = 4 << 20, /* of a thread that the lab starts */
  /* How far from its stack's end a thread that overflows it may fault. Above
   * the end, because the guard page may be part of the stack. Below it, because
   * a function with a large frame may skip the guard page, and the main
   * thread's stack ends up to a megabyte early. */
  END_ABOVE = 64 << 10,
  END_BELOW = 1 << 20,
};

static void find_stack_end(lab_thread *t) {
  pthread_attr_t attr;
  void *low;
  if (pthread_getattr_np(pthread_self(), &attr))
    return;
  if (pthread_attr_getstack(&attr, &low, &t->stack_size) == 0)
    t->stack_low = (uintptr_t)low;
  pthread_attr_destroy(&attr);
}

/* Unless there is one: sanitizers, and programs that embed the lab, set their
 * own. */
static void set_signal_stack(lab_thread *t) {
  stack_t now;
  if (sigaltstack(NULL, &now) || !(now.ss_flags & SS_DISABLE))
    return;
  t->signal_stack = lab_xmalloc(SIGNAL_STACK);
  stack_t mine = {.ss_sp = t->signal_stack, .ss_size = SIGNAL_STACK};
  if (sigaltstack(&mine, NULL) == 0)
    return;
  lab_xfree(t->signal_stack);
  t->signal_stack = NULL;
}

static void drop_signal_stack(lab_thread *t) {
  const stack_t none = {.ss_flags = SS_DISABLE};
  if (t->signal_stack)
    sigaltstack(&none, NULL);
  lab_xfree(t->signal_stack);
  t->signal_stack = NULL;
}

static void enlist_thread(lab_thread *t) {
  t->tid = (pid_t)syscall(SYS_gettid);
  find_stack_end(t);
  set_signal_stack(t);
  pthread_mutex_lock(&lock);
  t->next = threads;
  threads = t;
  pthread_mutex_unlock(&lock);
  self = t;
  if (observer.started)
    observer.started(t);
}

static void delist_thread(lab_thread *t) {
  if (observer.stopping)
    observer.stopping(t);
  self = NULL;
  drop_signal_stack(t);
  pthread_mutex_lock(&lock);
  lab_thread **link = &threads;
  while (*link != t)
    link = &(*link)->next;
  *link = t->next;
  pthread_mutex_unlock(&lock);
}

void lab_thread_observe(const lab_thread_observer *o) {
  observer = *o;
  if (self && observer.started)
    observer.started(self);
}

static lab_thread *new_thread(const char *name) {
  lab_thread *t = lab_xcalloc(1, sizeof *t);
  snprintf(t->name, sizeof t->name, "%s", name);
  return t;
}

lab_thread *lab_thread_adopt(const char *name) {
  lab_thread *t = new_thread(name);
  t->handle = pthread_self();
  enlist_thread(t);
  return t;
}

void lab_thread_abandon(void) {
  lab_thread *t = self;
  if (t) {
    delist_thread(t);
    lab_xfree(t);
  }
}

static void *run_thread(void *arg) {
  lab_thread *t = arg;
  pthread_setname_np(pthread_self(), t->name);
  enlist_thread(t);
  t->main(t->arg);
  delist_thread(t);
  return NULL;
}

static void list_open_signals(sigset_t *set) {
  static const int open[] = {SIGPROF, SIGURG, SIGSEGV, SIGBUS,
                             SIGFPE,  SIGILL, SIGABRT};
  sigemptyset(set);
  for (size_t i = 0; i < sizeof open / sizeof *open; i++)
    sigaddset(set, open[i]);
}

/* Who starts the thread may have blocked one of those that are open. */
void lab_thread_block_signals(sigset_t *before) {
  sigset_t block, open;
  list_open_signals(&open);
  sigfillset(&block);
  for (int number = 1; number < NSIG; number++)
    if (sigismember(&open, number) == 1)
      sigdelset(&block, number);
  pthread_sigmask(SIG_SETMASK, &block, before);
}

void lab_thread_take_signals(void) {
  struct sigaction child;
  sigset_t open;
  list_open_signals(&open);
  pthread_sigmask(SIG_UNBLOCK, &open, NULL);
  sigaction(SIGCHLD, NULL, &child);
  if (child.sa_handler != SIG_IGN && !(child.sa_flags & SA_NOCLDWAIT))
    return;
  if (child.sa_handler == SIG_IGN)
    child.sa_handler = SIG_DFL;
  child.sa_flags &= ~SA_NOCLDWAIT;
  sigaction(SIGCHLD, &child, NULL);
}

/* glibc gives threads as much as the main thread's stack could have when the
 * program began (ulimit -s), or 2 MiB if that is unlimited. Lua nests 200 calls
 * of C functions, of which string.gsub takes 10 KiB each, and a signal may come
 * in the innermost one. */
static int init_thread_attr(pthread_attr_t *attr) {
  size_t size;
  int rc = pthread_attr_init(attr);
  if (rc == 0 && pthread_attr_getstacksize(attr, &size) == 0 &&
      size < LEAST_STACK)
    rc = pthread_attr_setstacksize(attr, LEAST_STACK);
  return rc;
}

int lab_thread_start(lab_thread **out, const char *name, void (*main)(void *),
                     void *arg) {
  lab_thread *t = new_thread(name);
  t->main = main;
  t->arg = arg;
  t->created_by = observer.creating ? observer.creating() : 0;
  sigset_t before;
  lab_thread_block_signals(&before);
  *out = t; /* before it starts, because the thread may look at it */
  /* glibc stores the handle before the thread runs. The thread doesn't store it
   * itself, which would race with the one that joins it. */
  pthread_attr_t attr;
  int rc = init_thread_attr(&attr);
  if (rc == 0) {
    rc = pthread_create(&t->handle, &attr, run_thread, t);
    pthread_attr_destroy(&attr);
  }
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  if (rc != 0) {
    *out = NULL;
    lab_xfree(t);
  }
  return -rc;
}

void lab_thread_join(lab_thread *thread) {
  pthread_join(thread->handle, NULL);
  lab_xfree(thread);
}

lab_thread *lab_thread_self(void) {
  return self;
}

bool lab_thread_is_stack_end(uintptr_t address) {
  uintptr_t low = self ? self->stack_low : 0;
  return low > 0 && address < low + END_ABOVE && address + END_BELOW >= low;
}

void lab_thread_each(void (*visit)(lab_thread *, void *), void *arg) {
  pthread_mutex_lock(&lock);
  for (lab_thread *t = threads; t; t = t->next)
    visit(t, arg);
  pthread_mutex_unlock(&lock);
}
