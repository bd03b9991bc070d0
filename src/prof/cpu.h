/* SPDX-License-Identifier: MIT
 * The CPU profiler: SIGPROF on every thread of the lab, by that thread's CPU
 * time.
 *
 * A sample is: native frames (leaf first), a base stack below them, a label,
 * and a weight, which is the CPU time that it stands for, in microseconds.
 * Where the base comes from:
 *  - a worker runs a job: the stack its submitter left in the job;
 *  - the VM's thread: Lua's stack can't be read in a signal handler, so the
 *    VM's own part (lab_cpu_vm, installed by src/script) takes the native
 *    frames, keeps them pending, and emits them at the VM's next safe point;
 *  - any other thread: none, native frames down to its start.
 *
 * Several sessions can run at once: the timers tick at the highest rate asked
 * for, and every session gets all samples between its start and its stop. A
 * weight is a time, not a number of ticks, so that samples taken at different
 * rates can be added. A service thread ("profiler") empties the threads'
 * rings while there are sessions. Without a session there is no timer and no
 * thread, so it costs nothing.
 *
 * Nothing is hidden: samples that had to be dropped (a signal arrived while the
 * profiler itself was at work, a ring was full, or the kernel's clock was late
 * and sent none) are shown under the pseudo function "[lost samples]"; VM
 * samples whose Lua stack can't be read at the session's end, because a C
 * function changes it just then or a finalizer runs, under
 * "[running C function]". */
#ifndef LAB_PROF_CPU_H
#define LAB_PROF_CPU_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "prof/cpu_signal.h"

enum { LAB_CPU_HZ_DEFAULT = 100, LAB_CPU_HZ_MAX = 2000 };

/* Observes the lab's threads and installs the handler. Call it on the main
 * thread before other threads are started, after lab_unwind_init. 0 or negative
 * errno. */
int lab_cpu_init(void);

/* ---- the VM's part ------------------------------------------------------- */

/* The calling thread is the VM's from now on, and VM (see cpu_signal.h) takes
 * its samples; NULL: it is no longer. */
void lab_cpu_set_vm(const lab_cpu_vm *vm);

/* ---- traces -------------------------------------------------------------- */

/* While there are sessions TAP (NULL: none) is called for every sample, a
 * little after it was emitted: WHEN (mono ns) that was, on the VM's thread
 * (PROC 0), on worker PROC - 1, or on another thread (-1). Called under the
 * profiler's lock. The former tap isn't called any more when this returns. Not
 * in a signal handler. */
void lab_cpu_set_tap(void (*tap)(uint64_t when, int proc, uint32_t stack));

/* ---- sessions: any thread ------------------------------------------------ */

typedef struct lab_cpu_session lab_cpu_session;

/* Begins a session at HZ samples per second of CPU time and thread
 * (1..LAB_CPU_HZ_MAX). 0 and the session in *OUT, or negative errno. */
int lab_cpu_start(lab_cpu_session **out, int hz, lab_err *err);
/* Samples that are made from now on don't belong to the session. Quick. Any
 * thread but the VM's. lab_cpu_stop does it, too. */
void lab_cpu_close(lab_cpu_session *session);
/* Ends the collection: takes at most about 0.25 s, waiting for pending
 * samples of the VM. No handler works for the session any more when it
 * returns. Not on the control thread, not on the VM's. */
void lab_cpu_stop(lab_cpu_session *session);
/* After stop: appends the gzip'ed profile.proto. Slow (symbols). 0 or negative
 * errno. */
int lab_cpu_write(lab_cpu_session *session, lab_buf *out);
/* After stop: calls VISIT for each stack and label, with the CPU time in
 * samples of the session's period (spread.h has the formula; 0 is possible) and
 * in ns. There may be several of one stack and label, which add up. */
void lab_cpu_each(const lab_cpu_session *session,
                  void (*visit)(uint32_t stack, uint32_t label, int64_t count,
                                int64_t ns, void *arg),
                  void *arg);
uint64_t lab_cpu_period_us(const lab_cpu_session *session);
/* The same, with the owner of the time: the VM; the VM while nobody could see
 * for whom it ran; a worker's job; or another thread. CALL is the stack at
 * which the job's task waits, or from which a long call was made that kept the
 * VM's thread; else 0. */
typedef enum lab_cpu_owner {
  LAB_CPU_OTHER,
  LAB_CPU_VM,
  LAB_CPU_VM_UNKNOWN,
  LAB_CPU_JOB
} lab_cpu_owner;
void lab_cpu_each_owner(const lab_cpu_session *session,
                        void (*visit)(uint32_t stack, uint32_t label,
                                      int64_t ns, lab_cpu_owner owner,
                                      uint32_t call, void *arg),
                        void *arg);
/* Frees the session. If it still runs it ends without waiting for samples of
 * the VM, which is right when the client has gone away. Accepts NULL. */
void lab_cpu_free(lab_cpu_session *session);

#endif
