/* SPDX-License-Identifier: MIT
 * The threads that the CPU profiler observes: a state for each, and the timer
 * that sends it signals. Internal to src/prof.
 *
 * Who touches what:
 *  - the handler and lab_cpu_emit: only the state of their own thread;
 *  - everything else: under lab_cpu_lock, which is never held by code that a
 *    SIGPROF handler could have to wait for.
 *
 * Disarming a thread takes three steps: say so in its state, delete the timer,
 * wait until a handler that is running has finished. A signal that is still on
 * its way then finds the thread disarmed and does nothing. */
#ifndef LAB_PROF_CPU_THREAD_H
#define LAB_PROF_CPU_THREAD_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "base/queue.h"
#include "base/thread.h"
#include "prof/cpu_ring.h"
#include "prof/cpu_signal.h"

/* The state of a thread: lab_thread.observer_data. */
struct lab_cpu_thread {
  lab_list link; /* under the lock */
  pid_t tid;
  clockid_t clock; /* its CPU time */
  /* the handler's */
  atomic_bool armed;
  atomic_bool in_handler;
  atomic_bool busy;            /* lab_cpu_emit is at work outside the handler */
  atomic_bool look_asked;      /* lab_cpu_vm.look is to be called */
  bool looking;                /* it is at work */
  atomic_uint period_us;       /* between two signals */
  _Atomic uint64_t sampled_ns; /* CPU time up to which samples were made */
  _Atomic uint64_t lost_us;
  atomic_int perf_fd;             /* or -1 */
  _Atomic(const lab_cpu_vm *) vm; /* not NULL: it is the VM's */
  _Atomic(lab_cpu_ring *) ring;   /* made when it is first armed */
  /* the controller's, under the lock */
  bool has_timer;
  timer_t timer;
  uint64_t early_us;  /* of its next sample: used before ... */
  uint64_t early_for; /* ... this session and those after it began */
};

/* The threads, and the sessions of cpu.c. */
extern pthread_mutex_t lab_cpu_lock;

/* Observes the lab's threads. DRAIN takes what a thread has that is about to
 * end, under the lock. Takes the lock. */
void lab_cpu_threads_init(void (*drain)(lab_cpu_thread *t));

/* ---- under the lock ------------------------------------------------------ */

void lab_cpu_threads_each(void (*visit)(lab_cpu_thread *t));
/* CPU time of T that no sample stands for yet, in us. */
uint64_t lab_cpu_thread_unseen(lab_cpu_thread *t);
/* Lets all threads, and those that start later, tick at HZ; 0 ends it. When it
 * returns no handler works at another rate. */
void lab_cpu_threads_tune(int hz);

/* ---- for tests ----------------------------------------------------------- */

/* Where the signals come from: cpu_thread.c says which is chosen when. */
typedef enum lab_cpu_source {
  LAB_CPU_AUTO,      /* the best that is allowed, for the rate */
  LAB_CPU_PERF,      /* perf's task clock: exact, may be forbidden */
  LAB_CPU_TIMER,     /* the thread's CPU clock: ticks at most CONFIG_HZ times */
  LAB_CPU_MONOTONIC, /* wall-clock timer: signals idle threads too */
} lab_cpu_source;

/* Replaces the choice by rate. Takes effect with the next session. */
void lab_cpu_set_source(lab_cpu_source source);
bool lab_cpu_perf_allowed(void);
/* Words of the rings that are made from now on (a power of two). */
void lab_cpu_set_ring_words(size_t nwords);

#endif
