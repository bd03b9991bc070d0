/* SPDX-License-Identifier: MIT
 * See cpu_signal.h. EVERYTHING IN THIS FILE THAT THE HANDLER CALLS IS
 * ASYNC-SIGNAL-SAFE: no allocation, no lock, nothing of libc but
 * clock_gettime; it touches only what belongs to the interrupted thread.
 *
 * The weight of a sample is the CPU time the thread has used since its last
 * one. Thus the sum is right whatever the source of the signals does: timers
 * that tick late or overrun, signals that merge while the kernel is busy, a
 * wall-clock timer on a thread that is mostly idle (which is sampled once it
 * has used half a period; less than that is kept for the next sample).
 *
 * Ring and handler: lab_cpu_emit, called outside the handler, sets `busy`
 * while it writes; a handler that finds it set writes nothing and counts its
 * weight as lost. */
#include "prof/cpu_signal.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/clock.h"
#include "prof/cpu_thread.h"
#include "task/worker.h"

static atomic_bool is_active;

bool lab_cpu_active(void) {
  return atomic_load_explicit(&is_active, memory_order_relaxed);
}

void lab_cpu_set_active(bool active) {
  atomic_store(&is_active, active);
}

lab_cpu_thread *lab_cpu_self(void) {
  lab_thread *self = lab_thread_self();
  return self ? self->observer_data : NULL;
}

/* ---- emitting ------------------------------------------------------------ */

static void add_lost(lab_cpu_thread *t, uint32_t weight) {
  atomic_fetch_add_explicit(&t->lost_us, weight, memory_order_relaxed);
}

static void push_sample(lab_cpu_thread *t, const lab_cpu_record *record,
                        const lab_frame *native) {
  lab_cpu_ring *ring = atomic_load_explicit(&t->ring, memory_order_acquire);
  if (!ring || !lab_cpu_ring_push(ring, record, native))
    add_lost(t, record->weight);
}

void lab_cpu_emit(const lab_frame *native, size_t n, uint32_t base,
                  uint32_t label, uint32_t weight) {
  lab_cpu_thread *t = lab_cpu_self();
  if (!t)
    return;
  bool inside = atomic_load_explicit(&t->in_handler, memory_order_relaxed);
  bool vm = atomic_load_explicit(&t->vm, memory_order_relaxed) != NULL;
  int worker = lab_worker_index();
  lab_cpu_record record = {
      .when = lab_clock_mono(),
      .proc = (int16_t)(vm           ? 0
                        : worker < 0 ? -1
                                     : worker + 1),
      .weight = weight,
      .base = base,
      .label = label,
      .n = (uint16_t)(n < LAB_UNWIND_MAX ? n : LAB_UNWIND_MAX),
      .deferred = !inside || t->looking};
  if (inside) {
    push_sample(t, &record, native);
    return;
  }
  atomic_store_explicit(&t->busy, true, memory_order_relaxed);
  atomic_signal_fence(memory_order_seq_cst);
  if (lab_cpu_active())
    push_sample(t, &record, native);
  atomic_signal_fence(memory_order_seq_cst);
  atomic_store_explicit(&t->busy, false, memory_order_relaxed);
}

void lab_cpu_lost(uint32_t weight) {
  lab_cpu_thread *t = lab_cpu_self();
  if (t)
    add_lost(t, weight);
}

/* ---- the handler --------------------------------------------------------- */

/* True if the signal is one of ours, not from kill(2) or a forgotten timer. */
static bool is_ours(const lab_cpu_thread *t, const siginfo_t *info) {
  if (info->si_code == SI_TIMER)
    return info->si_value.sival_ptr == t;
  return (info->si_code == POLL_IN || info->si_code == POLL_HUP) &&
         info->si_fd == atomic_load_explicit(&t->perf_fd, memory_order_relaxed);
}

/* The CPU time since the last sample in us, or 0: too little for a sample. */
static uint32_t take_weight(lab_cpu_thread *t) {
  uint64_t done = atomic_load_explicit(&t->sampled_ns, memory_order_relaxed);
  uint64_t now = lab_clock_thread_cpu();
  uint64_t us = now > done ? (now - done) / 1000 : 0;
  if (us < atomic_load_explicit(&t->period_us, memory_order_relaxed) / 2)
    return 0;
  if (us > UINT32_MAX)
    us = UINT32_MAX;
  atomic_store_explicit(&t->sampled_ns, done + us * 1000, memory_order_relaxed);
  return (uint32_t)us;
}

static void take_sample(lab_cpu_thread *t, const void *context,
                        uint32_t weight) {
  const lab_cpu_vm *vm = atomic_load_explicit(&t->vm, memory_order_acquire);
  if (vm && vm->signal(context, weight))
    return;
  lab_frame native[LAB_UNWIND_MAX];
  size_t n = lab_unwind_signal(context, native, LAB_UNWIND_MAX, false, NULL);
  const lab_job *job = lab_worker_job();
  lab_cpu_emit(native, n, job ? job->stack : 0, job ? job->label : 0, weight);
}

void lab_cpu_ask_look(lab_cpu_thread *t) {
  atomic_store(&t->look_asked, true);
  syscall(SYS_tgkill, getpid(), t->tid, SIGPROF);
}

static void run_vm_look(lab_cpu_thread *t, const void *context) {
  const lab_cpu_vm *vm = atomic_load_explicit(&t->vm, memory_order_acquire);
  if (!vm || !vm->look || atomic_load_explicit(&t->busy, memory_order_relaxed))
    return;
  atomic_store(&t->in_handler, true);
  t->looking = true;
  vm->look(context);
  t->looking = false;
  atomic_store(&t->in_handler, false);
}

static void handle_sigprof(int sig, siginfo_t *info, void *context) {
  (void)sig;
  int saved = errno;
  lab_cpu_thread *t = lab_cpu_self();
  if (t && atomic_exchange(&t->look_asked, false))
    run_vm_look(t, context);
  if (t && is_ours(t, info)) {
    /* Sequentially consistent: either we see that the thread was disarmed, or
     * who disarmed it sees us at work, and waits. */
    atomic_store(&t->in_handler, true);
    uint32_t weight = atomic_load(&t->armed) ? take_weight(t) : 0;
    if (weight > 0 && atomic_load_explicit(&t->busy, memory_order_relaxed))
      add_lost(t, weight);
    else if (weight > 0)
      take_sample(t, context, weight);
    atomic_store(&t->in_handler, false);
  }
  errno = saved;
}

int lab_cpu_signal_init(void) {
  struct sigaction sa;
  memset(&sa, 0, sizeof sa);
  sa.sa_sigaction = handle_sigprof;
  sa.sa_flags = SA_SIGINFO | SA_RESTART;
  /* The end of a time slice (SIGURG) changes the same hook of the VM. */
  sigemptyset(&sa.sa_mask);
  sigaddset(&sa.sa_mask, SIGURG);
  return sigaction(SIGPROF, &sa, NULL) ? -errno : 0;
}
