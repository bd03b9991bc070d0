/* SPDX-License-Identifier: MIT
 * The lab's threads: they have names, are listed, and are announced to the
 * profiler.
 *
 * Every thread of the lab is started here. So a profiler sees all of them, and
 * the modules that need threads don't have to know the profiler. Signals that
 * the process handles (TERM, INT, ...) are blocked in threads started here:
 * only the main thread takes them. SIGPROF and SIGURG are not blocked, nor are
 * those that a thread gets for its own crash (SEGV, ..., and ABRT: since glibc
 * 2.41, abort() in a thread that blocks it ends the process without a word).
 *
 * Each thread has a second stack for signal handlers, so that one whose stack
 * is full can still report it. Only handlers that ask for it (SA_ONSTACK) run
 * there.
 *
 * Threads: any, unless said otherwise. Signal handlers: only where it is
 * said. */
#ifndef LAB_BASE_THREAD_H
#define LAB_BASE_THREAD_H

#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

typedef struct lab_thread {
  char name[16]; /* as ps -L, gdb and perf show it */
  pthread_t handle;
  pid_t tid;
  size_t stack_size;   /* bytes of C stack reserved */
  uintptr_t stack_low; /* its lowest address; it grows down to there */
  void *signal_stack;  /* NULL if the thread had one already */
  uint32_t created_by; /* what the observer's creating returned, or 0 */
  void *observer_data; /* belongs to the observer */
  struct lab_thread *next;
  void (*main)(void *);
  void *arg;
} lab_thread;

/* Who is told of threads. Started and stopping are called on the thread itself,
 * before its main function and after it, without any lock of this module. */
typedef struct lab_thread_observer {
  void (*started)(lab_thread *self);
  void (*stopping)(lab_thread *self);
  uint32_t (*creating)(void); /* on the thread that starts another one */
} lab_thread_observer;

/* Installs the observer. Call it once, on the main thread, before any other
 * thread is started. If the main thread was adopted before, it is announced at
 * once. */
void lab_thread_observe(const lab_thread_observer *observer);

/* Makes the calling thread (the main one, or a library's) one of the lab's. It
 * stays listed until it calls lab_thread_abandon. Returns its descriptor. */
lab_thread *lab_thread_adopt(const char *name);
void lab_thread_abandon(void);

/* Puts right what a parent process, or a program that embeds the lab, may have
 * left: SIGPROF, SIGURG and those of a crash aren't blocked any more in the
 * calling thread, and SIGCHLD isn't ignored, or children would vanish without
 * anybody knowing how they have ended. Call it at the beginning, on the main
 * thread. */
void lab_thread_take_signals(void);

/* Blocks in the calling thread the signals that the main thread takes, and no
 * others. Threads that a library starts inherit the mask. *BEFORE is the mask
 * before, to be restored with pthread_sigmask. */
void lab_thread_block_signals(sigset_t *before);

/* Starts a thread that runs MAIN(ARG). 0 or negative errno. */
int lab_thread_start(lab_thread **out, const char *name, void (*main)(void *),
                     void *arg);
/* Waits until the thread has ended, and frees its descriptor. */
void lab_thread_join(lab_thread *thread);

/* The calling thread's descriptor, or NULL if it is not one of the lab's.
 * Async-signal-safe. */
lab_thread *lab_thread_self(void);

/* Whether ADDRESS is near the end of the calling thread's stack: then a fault
 * at ADDRESS means that the stack is full. Async-signal-safe. */
bool lab_thread_is_stack_end(uintptr_t address);

/* Calls VISIT for every listed thread, under the list's lock: VISIT must not
 * start or end threads. */
void lab_thread_each(void (*visit)(lab_thread *thread, void *arg), void *arg);

#endif
