/* SPDX-License-Identifier: MIT
 * Threads of the program that embeds the lab, which profiles shall show:
 * lab_watch_thread of diaglab/diaglab.h. */
#include <pthread.h>
#include <signal.h>

#include "base/thread.h"
#include "diaglab/diaglab.h"

static pthread_key_t watched; /* its value: the thread itself; NULL: it isn't */
static pthread_once_t once = PTHREAD_ONCE_INIT;

/* A watched thread ends. Its timer must go before it. */
static void forget_thread(void *self) {
  (void)self;
  lab_thread_abandon();
}

static void make_watched_key(void) {
  pthread_key_create(&watched, forget_thread);
}

void lab_watch_thread(const char *name) {
  sigset_t prof;
  if (lab_thread_self())
    return;
  sigemptyset(&prof);
  sigaddset(&prof, SIGPROF);
  pthread_sigmask(SIG_UNBLOCK, &prof, NULL);
  pthread_once(&once, make_watched_key);
  pthread_setspecific(watched, lab_thread_adopt(name));
}

void lab_unwatch_thread(void) {
  pthread_once(&once, make_watched_key);
  if (!pthread_getspecific(watched))
    return;
  pthread_setspecific(watched, NULL);
  lab_thread_abandon();
}
