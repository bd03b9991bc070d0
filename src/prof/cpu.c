/* SPDX-License-Identifier: MIT
 * See cpu.h. Sessions, and the service thread that feeds them.
 *
 * A session has three states. RUNNING: it gets every sample that is drained.
 * CLOSING: its time is over, but the VM still keeps samples of it, whose Lua
 * stack isn't known yet; it gets those, and nothing else. ENDED: only its owner
 * uses it.
 *
 * The VM hands over samples in the order in which it took them, so an amount of
 * time says to which session they belong. A session that starts while the VM
 * keeps 300 ms skips the first 300 ms that the VM hands over (`skip_us`); one
 * that closes while the VM keeps 200 ms takes the next 200 ms (`owed_us`).
 *
 * The first sample of a thread after a session's start may also stand for time
 * before it, when other sessions sample at a lower rate: up to a second at 1
 * Hz. That part is noted in the thread's state (`early_us`) and isn't given to
 * the session. A part of less than one period of its own is not taken off.
 *
 * Two locks, taken in this order:
 *   control       one start or stop at a time, with the service thread's life
 *   lab_cpu_lock  the sessions, the threads, and draining */
#include "prof/cpu.h"

#include <errno.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "prof/attempt.h"
#include "prof/cpu_thread.h"
#include "prof/export.h"
#include "prof/keymap.h"
#include "prof/spread.h"
#include "stack/merge.h"
#include "stack/stack.h"
#include "task/worker.h"

enum {
  DRAIN_MS = 50,
  STOP_WAIT_MS = 200, /* for samples that the VM keeps */
  LOOK_EACH_MS = 10,  /* meanwhile, at a C function that doesn't return */
};

typedef enum state { RUNNING, CLOSING, ENDED } state;

struct lab_cpu_session {
  lab_list link;
  lab_stack_hold stacks; /* for the keys */
  state state;
  int hz;
  uint64_t number; /* in the order of starts: 1, 2, ... */
  uint64_t began_real, began_mono, ended_mono;
  uint64_t attempt; /* in which it began */
  uint64_t skip_us; /* of the VM's samples: made before the session */
  uint64_t owed_us; /* CLOSING: made before its end */
  lab_keymap keys;  /* (stack, label, whose) -> ... */
  lab_buf ns;       /* ... uint64_t[]: CPU time */
};

static pthread_mutex_t control = PTHREAD_MUTEX_INITIALIZER;
static lab_list sessions = {&sessions, &sessions};
static const lab_cpu_vm *the_vm; /* under lab_cpu_lock */
static uint32_t lost_stack, running_stack;
static void (*the_tap)(uint64_t, int, uint32_t); /* under lab_cpu_lock */
static uint64_t started; /* sessions so far, under lab_cpu_lock */

static struct {
  lab_thread *thread;
  pthread_cond_t wake;
  bool quit;
} service;

static lab_cpu_session *session_after(const lab_cpu_session *s) {
  lab_list *next = s ? s->link.next : sessions.next;
  return next == &sessions ? NULL : LAB_CONTAINER(next, lab_cpu_session, link);
}

/* ---- draining: under lab_cpu_lock ---------------------------------------- */

/* Whose time it is, as a number: see decode_owner. The VM's samples that were
 * complete at once are those of a call that kept its thread. */
static uint64_t encode_owner(const lab_cpu_record *r) {
  uint64_t call = r->proc == 0 && r->deferred ? 0 : (uint64_t)r->base << 8;
  return r->proc == 0  ? LAB_CPU_VM | call
         : r->proc > 0 ? LAB_CPU_JOB | call
                       : LAB_CPU_OTHER;
}

static lab_cpu_owner decode_owner(uint64_t whose, uint32_t *call) {
  *call = (uint32_t)(whose >> 8);
  return (lab_cpu_owner)(whose & 0xff);
}

static void add_time(lab_cpu_session *s, uint32_t stack, uint32_t label,
                     uint64_t whose, uint64_t us) {
  if (us == 0)
    return;
  size_t known = s->keys.count;
  size_t i = lab_keymap_add(&s->keys, (lab_key){stack, label, whose});
  uint64_t none = 0;
  if (i == known)
    lab_buf_append(&s->ns, &none, sizeof none);
  ((uint64_t *)(void *)s->ns.data)[i] += us * 1000;
}

static uint64_t take_from(uint64_t *from, uint64_t max) {
  uint64_t n = *from < max ? *from : max;
  *from -= n;
  return n;
}

/* How much of a sample belongs to session S; the first EARLY_US of it do not,
 * if S is number EARLY_FOR or came after it. */
static uint64_t share_of(lab_cpu_session *s, const lab_cpu_record *r,
                         uint64_t early_us, uint64_t early_for) {
  uint64_t us = r->weight - (s->number >= early_for ? early_us : 0);
  if (!r->deferred)
    return s->state == RUNNING ? us : 0;
  us -= take_from(&s->skip_us, us);
  return s->state == RUNNING ? us : take_from(&s->owed_us, us);
}

static void account_sample(lab_cpu_thread *t, const lab_cpu_record *r,
                           const lab_frame *native) {
  if (lab_list_empty(&sessions))
    return;
  uint32_t stack = lab_stack_merge(native, r->n, r->base);
  if (the_tap)
    the_tap(r->when, r->proc, stack);
  uint64_t early = take_from(&t->early_us, r->weight);
  for (lab_cpu_session *s = session_after(NULL); s; s = session_after(s))
    add_time(s, stack, r->label, encode_owner(r),
             share_of(s, r, early, t->early_for));
}

static void account_lost(uint64_t us, lab_cpu_owner owner) {
  for (lab_cpu_session *s = session_after(NULL); s; s = session_after(s))
    if (s->state == RUNNING)
      add_time(s, lost_stack, 0, owner, us);
}

static void drain_thread(lab_cpu_thread *t) {
  lab_cpu_ring *ring = atomic_load_explicit(&t->ring, memory_order_acquire);
  lab_cpu_record record;
  lab_frame native[LAB_UNWIND_MAX];
  while (ring && lab_cpu_ring_pop(ring, &record, native))
    account_sample(t, &record, native);
  account_lost(atomic_exchange(&t->lost_us, 0),
               atomic_load(&t->vm) ? LAB_CPU_VM_UNKNOWN : LAB_CPU_OTHER);
}

static void drain_all_threads(void) {
  lab_cpu_threads_each(drain_thread);
}

static uint64_t read_pending(void) {
  return the_vm ? the_vm->pending() : 0;
}

/* ---- the service thread -------------------------------------------------- */

static void drain_regularly(void *arg) {
  (void)arg;
  pthread_mutex_lock(&lab_cpu_lock);
  while (!service.quit) {
    uint64_t until = lab_clock_mono() + DRAIN_MS * LAB_MILLISECOND;
    struct timespec ts = {(time_t)(until / LAB_SECOND),
                          (long)(until % LAB_SECOND)};
    pthread_cond_timedwait(&service.wake, &lab_cpu_lock, &ts);
    drain_all_threads();
  }
  pthread_mutex_unlock(&lab_cpu_lock);
}

/* Both under control, when there are no sessions. */
static int start_service(void) {
  service.quit = false;
  return lab_thread_start(&service.thread, "profiler", drain_regularly, NULL);
}

static void stop_service(void) {
  pthread_mutex_lock(&lab_cpu_lock);
  service.quit = true;
  pthread_cond_signal(&service.wake);
  pthread_mutex_unlock(&lab_cpu_lock);
  lab_thread_join(service.thread);
}

/* ---- sessions: under both locks ------------------------------------------ */

/* The highest rate that a session but EXCEPT asks for. */
static int highest_hz(const lab_cpu_session *except) {
  int hz = 0;
  for (lab_cpu_session *s = session_after(NULL); s; s = session_after(s))
    if (s != except && s->state == RUNNING && s->hz > hz)
      hz = s->hz;
  return hz;
}

/* What T has used so far is not of the youngest session. */
static void note_early(lab_cpu_thread *t) {
  const lab_cpu_session *s =
      LAB_CONTAINER(sessions.prev, lab_cpu_session, link);
  uint64_t us = lab_cpu_thread_unseen(t);
  t->early_us = us >= 1000000u / (unsigned)s->hz ? us : 0;
  t->early_for = s->number;
}

/* What is lost as the rate changes is of the sessions before it. */
static void begin_session(lab_cpu_session *s) {
  int hz = highest_hz(NULL);
  lab_cpu_set_active(true);
  lab_cpu_threads_tune(s->hz > hz ? s->hz : hz);
  drain_all_threads();
  s->skip_us = read_pending();
  s->number = ++started;
  s->began_real = lab_clock_real();
  s->began_mono = lab_clock_mono();
  s->attempt = lab_attempt_now().id;
  lab_list_push_back(&sessions, &s->link);
  lab_cpu_threads_each(note_early);
}

static void close_session(lab_cpu_session *s) {
  if (s->state != RUNNING)
    return;
  lab_cpu_threads_tune(highest_hz(s));
  drain_all_threads();
  uint64_t kept = read_pending();
  s->owed_us = kept > s->skip_us ? kept - s->skip_us : 0;
  s->ended_mono = lab_clock_mono();
  s->state = CLOSING;
}

static void end_session(lab_cpu_session *s) {
  lab_list_remove(&s->link);
  s->state = ENDED;
  lab_cpu_set_active(!lab_list_empty(&sessions));
}

/* Runs STEP on S under both locks, and ends the service after the last. */
static void run_under_locks(void (*step)(lab_cpu_session *),
                            lab_cpu_session *s) {
  pthread_mutex_lock(&control);
  bool had = !lab_list_empty(&sessions);
  pthread_mutex_lock(&lab_cpu_lock);
  step(s);
  bool has = !lab_list_empty(&sessions);
  pthread_mutex_unlock(&lab_cpu_lock);
  if (had && !has)
    stop_service();
  pthread_mutex_unlock(&control);
}

int lab_cpu_start(lab_cpu_session **out, int hz, lab_err *err) {
  if (hz < 1 || hz > LAB_CPU_HZ_MAX)
    return lab_err_set(err, -EINVAL, "hz must be 1 to %d, not %d",
                       LAB_CPU_HZ_MAX, hz);
  lab_cpu_session *s = lab_xcalloc(1, sizeof *s);
  s->hz = hz;
  lab_list_init(&s->link);
  lab_stack_hold_begin(&s->stacks);
  pthread_mutex_lock(&control);
  int rc = lab_list_empty(&sessions) ? start_service() : 0;
  if (rc == 0) {
    pthread_mutex_lock(&lab_cpu_lock);
    begin_session(s);
    pthread_mutex_unlock(&lab_cpu_lock);
  }
  pthread_mutex_unlock(&control);
  if (rc) {
    lab_stack_hold_end(&s->stacks);
    lab_xfree(s);
    return lab_err_set(err, rc, "can't start the profiler's thread: %s",
                       strerror(-rc));
  }
  *out = s;
  return 0;
}

/* True when the VM keeps nothing more of session S. */
static bool is_settled(lab_cpu_session *s) {
  pthread_mutex_lock(&lab_cpu_lock);
  bool nothing = read_pending() == 0;
  drain_all_threads();
  if (nothing)
    s->owed_us = 0; /* whatever was owed came while it was being counted */
  bool settled = s->owed_us == 0;
  pthread_mutex_unlock(&lab_cpu_lock);
  return settled;
}

static void finish_session(lab_cpu_session *s) {
  drain_all_threads();
  add_time(s, running_stack, 0, LAB_CPU_VM_UNKNOWN, s->owed_us);
  end_session(s);
}

void lab_cpu_close(lab_cpu_session *s) {
  run_under_locks(close_session, s);
}

static void ask_vm_to_look(lab_cpu_thread *t) {
  if (atomic_load(&t->vm))
    lab_cpu_ask_look(t);
}

/* At what the VM's thread does: see lab_cpu_vm. */
static void look_at_vm(void) {
  pthread_mutex_lock(&lab_cpu_lock);
  if (the_vm && the_vm->look) {
    the_vm->name();
    lab_cpu_threads_each(ask_vm_to_look);
  }
  pthread_mutex_unlock(&lab_cpu_lock);
}

void lab_cpu_stop(lab_cpu_session *s) {
  const struct timespec pause = {0, LAB_MILLISECOND};
  run_under_locks(close_session, s);
  uint64_t until = lab_clock_mono() + STOP_WAIT_MS * LAB_MILLISECOND;
  for (unsigned ms = 1; !is_settled(s) && lab_clock_mono() < until; ms++) {
    if (ms % LOOK_EACH_MS == 0)
      look_at_vm();
    nanosleep(&pause, NULL);
  }
  run_under_locks(finish_session, s);
}

static void abandon_session(lab_cpu_session *s) {
  lab_cpu_threads_tune(highest_hz(s));
  end_session(s);
}

void lab_cpu_free(lab_cpu_session *s) {
  if (!s)
    return;
  if (s->state != ENDED)
    run_under_locks(abandon_session, s);
  lab_keymap_free(&s->keys);
  lab_buf_free(&s->ns);
  lab_stack_hold_end(&s->stacks);
  lab_xfree(s);
}

/* ---- results: after stop ------------------------------------------------- */

uint64_t lab_cpu_period_us(const lab_cpu_session *s) {
  return 1000000u / (unsigned)s->hz;
}

static lab_spread_row row_of(const lab_cpu_session *s, size_t i) {
  const lab_key *key = &s->keys.keys[i];
  return (lab_spread_row){
      .stack = (uint32_t)key->a,
      .label = (uint32_t)key->b,
      .ns = (int64_t)((const uint64_t *)(void *)s->ns.data)[i]};
}

void lab_cpu_each(const lab_cpu_session *s,
                  void (*visit)(uint32_t stack, uint32_t label, int64_t count,
                                int64_t ns, void *arg),
                  void *arg) {
  size_t n = s->keys.count;
  lab_spread_row *rows = n ? lab_xmalloc(n * sizeof *rows) : NULL;
  for (size_t i = 0; i < n; i++)
    rows[i] = row_of(s, i);
  lab_spread_count(rows, n, (int64_t)lab_cpu_period_us(s) * 1000);
  for (size_t i = 0; i < n; i++)
    visit(rows[i].stack, rows[i].label, rows[i].count, rows[i].ns, arg);
  lab_xfree(rows);
}

void lab_cpu_each_owner(const lab_cpu_session *s,
                        void (*visit)(uint32_t stack, uint32_t label,
                                      int64_t ns, lab_cpu_owner owner,
                                      uint32_t call, void *arg),
                        void *arg) {
  for (size_t i = 0; i < s->keys.count; i++) {
    const lab_key *key = &s->keys.keys[i];
    uint32_t call;
    lab_cpu_owner owner = decode_owner(key->c, &call);
    visit((uint32_t)key->a, (uint32_t)key->b,
          (int64_t)((const uint64_t *)(void *)s->ns.data)[i], owner, call, arg);
  }
}

static void export_sample(uint32_t stack, uint32_t label, int64_t count,
                          int64_t ns, void *arg) {
  const int64_t values[] = {count, ns};
  lab_export_sample(arg, stack, label, 0, values);
}

int lab_cpu_write(lab_cpu_session *s, lab_buf *out) {
  static const lab_profile_type types[] = {{"samples", "count"},
                                           {"cpu", "nanoseconds"}};
  lab_profile_config config = {.types = types,
                               .ntypes = 2,
                               .period_type = types[1],
                               .period = (int64_t)lab_cpu_period_us(s) * 1000,
                               .time_ns = (int64_t)s->began_real,
                               .duration_ns =
                                   (int64_t)(s->ended_mono - s->began_mono)};
  lab_export *e = lab_export_new(&config, s->attempt);
  lab_cpu_each(s, export_sample, e);
  int rc = lab_export_finish(e, out);
  lab_export_free(e);
  return rc;
}

/* ---- set-up -------------------------------------------------------------- */

void lab_cpu_set_tap(void (*tap)(uint64_t when, int proc, uint32_t stack)) {
  pthread_mutex_lock(&lab_cpu_lock);
  the_tap = tap;
  pthread_mutex_unlock(&lab_cpu_lock);
}

void lab_cpu_set_vm(const lab_cpu_vm *vm) {
  lab_cpu_thread *self = lab_cpu_self();
  LAB_ASSERT(self);
  pthread_mutex_lock(&lab_cpu_lock);
  atomic_store_explicit(&self->vm, vm, memory_order_release);
  the_vm = vm;
  for (lab_cpu_session *s = session_after(NULL); s && !vm; s = session_after(s))
    s->skip_us = s->owed_us = 0; /* what it kept is gone */
  pthread_mutex_unlock(&lab_cpu_lock);
}

int lab_cpu_init(void) {
  lost_stack = lab_export_pseudo("[lost samples]");
  running_stack = lab_export_pseudo("[running C function]");
  pthread_condattr_t attr;
  pthread_condattr_init(&attr);
  pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
  pthread_cond_init(&service.wake, &attr);
  pthread_condattr_destroy(&attr);
  lab_unwind_end_at((const void *)lab_worker_run);
  int rc = lab_cpu_signal_init();
  if (rc == 0)
    lab_cpu_threads_init(drain_thread);
  return rc;
}
