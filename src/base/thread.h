/* SPDX-License-Identifier: MIT
 * The lab's threads: named, listed, and announced to whoever samples them.
 *
 * Every thread of the lab is started here, so that a profiler sees all of them
 * without the modules that need threads knowing of any profiler. Signals that
 * the process handles (TERM, INT, ...) are blocked in threads started here:
 * the main thread alone takes them. SIGPROF and SIGURG are not blocked, nor are
 * those by which a thread tells of its own crash (SEGV, ...).
 *
 * Each has a second stack for signals, so that one whose stack is full can tell
 * of that. Only handlers that ask for it run there. */
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
  uintptr_t stack_low; /* where it ends: it grows down to there */
  void *signal_stack;  /* for handlers with SA_ONSTACK, unless it had one */
  uint32_t created_by; /* what the observer's creating returned, or 0 */
  void *observer_data; /* belongs to the observer */
  struct lab_thread *next;
  void (*main)(void *);
  void *arg;
} lab_thread;

/* Started and stopping are called on the thread itself, outside any lock of
 * this module: before its main function, and after it. */
typedef struct lab_thread_observer {
  void (*started)(lab_thread *self);
  void (*stopping)(lab_thread *self);
  uint32_t (*creating)(void); /* on the thread that starts another one */
} lab_thread_observer;

/* Installs the observer; call it once, from the main thread, before any other
 * thread was started. Main threads adopted earlier are announced at once. */
void lab_thread_observe(const lab_thread_observer *observer);

/* Makes the calling thread (main, or a library's) one of the lab's. It stays
 * listed until lab_thread_abandon. Returns its descriptor. */
lab_thread *lab_thread_adopt(const char *name);
void lab_thread_abandon(void);

/* Blocks in the calling thread the signals that the main thread takes; for
 * libraries whose threads inherit the mask of who starts them. *BEFORE is for
 * pthread_sigmask afterwards. */
void lab_thread_block_signals(sigset_t *before);

/* Starts a thread that runs MAIN(ARG). 0 or negative errno. */
int lab_thread_start(lab_thread **out, const char *name, void (*main)(void *),
                     void *arg);
/* Waits for its end and frees it. */
void lab_thread_join(lab_thread *thread);

/* The calling thread's descriptor, or NULL if it is not one of the lab's.
 * Async-signal-safe. */
lab_thread *lab_thread_self(void);

/* Whether an access to ADDRESS by the calling thread means that its stack is
 * full: it lies around the end. Async-signal-safe. */
bool lab_thread_is_stack_end(uintptr_t address);

/* Calls VISIT for every listed thread, under the list's lock: VISIT must not
 * start or end threads. */
void lab_thread_each(void (*visit)(lab_thread *thread, void *arg), void *arg);

#endif
