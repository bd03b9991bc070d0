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

/* initial-exec: a signal handler must not run the lazy TLS allocator. */
static __thread lab_thread *self __attribute__((tls_model("initial-exec")));

static size_t stack_size_of(pthread_t handle) {
  pthread_attr_t attr;
  void *low;
  size_t size = 0;
  if (pthread_getattr_np(handle, &attr) == 0) {
    pthread_attr_getstack(&attr, &low, &size);
    pthread_attr_destroy(&attr);
  }
  return size;
}

static void enlist(lab_thread *t) {
  t->tid = (pid_t)syscall(SYS_gettid);
  t->stack_size = stack_size_of(pthread_self());
  pthread_mutex_lock(&lock);
  t->next = threads;
  threads = t;
  pthread_mutex_unlock(&lock);
  self = t;
  if (observer.started)
    observer.started(t);
}

static void delist(lab_thread *t) {
  if (observer.stopping)
    observer.stopping(t);
  self = NULL;
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
  enlist(t);
  return t;
}

void lab_thread_abandon(void) {
  lab_thread *t = self;
  if (t) {
    delist(t);
    lab_xfree(t);
  }
}

static void *run(void *arg) {
  lab_thread *t = arg;
  pthread_setname_np(pthread_self(), t->name);
  enlist(t);
  t->main(t->arg);
  delist(t);
  return NULL;
}

void lab_thread_block_signals(sigset_t *before) {
  static const int open[] = {SIGPROF, SIGURG, SIGSEGV, SIGBUS, SIGFPE, SIGILL};
  sigset_t block;
  sigfillset(&block);
  for (size_t i = 0; i < sizeof open / sizeof *open; i++)
    sigdelset(&block, open[i]);
  pthread_sigmask(SIG_BLOCK, &block, before);
}

int lab_thread_start(lab_thread **out, const char *name, void (*main)(void *),
                     void *arg) {
  lab_thread *t = new_thread(name);
  t->main = main;
  t->arg = arg;
  t->created_by = observer.creating ? observer.creating() : 0;
  sigset_t before;
  lab_thread_block_signals(&before);
  *out = t; /* set first: the thread may look at it */
  /* glibc stores the handle before the thread runs; the thread doesn't write
   * it, or it would race with whoever joins. */
  int rc = pthread_create(&t->handle, NULL, run, t);
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

void lab_thread_each(void (*visit)(lab_thread *, void *), void *arg) {
  pthread_mutex_lock(&lock);
  for (lab_thread *t = threads; t; t = t->next)
    visit(t, arg);
  pthread_mutex_unlock(&lock);
}
