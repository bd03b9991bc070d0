/* SPDX-License-Identifier: MIT
 * See crash.h. Each such end writes a short message and leaves a core.
 *
 *  - If a thread crashes (SEGV, BUS, FPE, ILL) or calls abort(), the handler
 *    writes the thread's name and native stack; then the signal has its default
 *    effect. A crash happens again at the same instruction, so the core shows
 *    the registers as they were.
 *  - If ABRT comes from outside, the handler only wakes the control thread,
 *    which logs the stacks of all tasks and then raises the signal itself. If
 *    that takes longer than DEADLINE_S (the thread hangs, there are too many
 *    tasks, nobody reads the log), or if a second ABRT comes, the handler ends
 *    the process.
 *
 * The handlers run on a stack of their own (base/thread.h), because the
 * thread's stack may be full. They allocate nothing, lock nothing, and format
 * numbers by hand. */
#include "app/crash.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "app/app.h"
#include "app/signal_file.h"
#include "base/log.h"
#include "base/thread.h"
#include "stack/codemap.h"
#include "stack/unwind.h"

enum { DEADLINE_S = 5, LOG_MS = 20 };

static const struct {
  int number;
  const char *words; /* Go's */
} fatal[LAB_APP_FATAL] = {
    {SIGABRT, "SIGABRT: abort\n"},
    {SIGSEGV, "SIGSEGV: segmentation violation\n"},
    {SIGBUS, "SIGBUS: bus error\n"},
    {SIGFPE, "SIGFPE: floating-point exception\n"},
    {SIGILL, "SIGILL: illegal instruction\n"},
};

static timer_t deadline; /* sends ABRT */
static bool has_deadline;
static bool cores_are_piped;
static atomic_bool abort_asked;

/* ---- the message --------------------------------------------------------- */

typedef struct text {
  size_t len;
  char data[8192];
} text;

static void put_crash_text(text *t, const char *s) {
  while (*s && t->len < sizeof t->data)
    t->data[t->len++] = *s++;
}

static void put_crash_number(text *t, uintptr_t value, unsigned base) {
  char digits[24], *p = digits + sizeof digits;
  *--p = '\0';
  do
    *--p = "0123456789abcdef"[value % base];
  while ((value /= base) > 0);
  put_crash_text(t, base == 16 ? "0x" : "");
  put_crash_text(t, p);
}

static void put_crash_frame(text *t, lab_frame frame, bool leaf) {
  uintptr_t pc = (uintptr_t)frame, start;
  if (lab_frame_is_script(frame)) {
    put_crash_text(t, "\t[... frames left out ...]\n");
    return;
  }
  const char *name = lab_code_name(pc - !leaf, &start);
  put_crash_text(t, "\t");
  put_crash_number(t, pc, 16);
  put_crash_text(t, " ");
  put_crash_text(t, name ? name : "?");
  if (name) {
    put_crash_text(t, "+");
    put_crash_number(t, pc - start, 16);
  }
  put_crash_text(t, "\n");
}

static void put_crash_stack(text *t, const void *context) {
  lab_frame frames[LAB_UNWIND_MAX];
  size_t n = lab_unwind_signal(context, frames, LAB_UNWIND_MAX, false, NULL);
  for (size_t i = 0; i < n; i++)
    put_crash_frame(t, frames[i], i == 0);
}

static void put_crash_thread(text *t, const siginfo_t *info) {
  const lab_thread *self = lab_thread_self();
  put_crash_text(t, "thread=");
  put_crash_text(t, self ? self->name : "unknown");
  put_crash_text(t, " LWP=");
  put_crash_number(t, (uintptr_t)gettid(), 10);
  if (info->si_code > 0) {
    put_crash_text(t, " addr=");
    put_crash_number(t, (uintptr_t)info->si_addr, 16);
  }
  put_crash_text(t, "\n");
  if ((info->si_signo == SIGSEGV || info->si_signo == SIGBUS) &&
      info->si_code > 0 && lab_thread_is_stack_end((uintptr_t)info->si_addr))
    put_crash_text(t, "this looks like a stack overflow: endless recursion?\n");
}

static const char *choose_core_advice(void) {
  struct rlimit limit;
  if (!cores_are_piped && getrlimit(RLIMIT_CORE, &limit) == 0 &&
      limit.rlim_cur == 0)
    return "no core: its size is limited to 0 (ulimit -c unlimited)";
  return "core: see /proc/sys/kernel/core_pattern; gdb's \"lab tasks\" reads "
         "it";
}

/* Waits a moment first: the log's thread may have earlier lines to write. */
static void write_crash_text(const text *t) {
  poll(NULL, 0, LOG_MS);
  int fd = lab_log_fd();
  lab_log_write_last(fd, t->data, t->len);
  if (fd != STDERR_FILENO)
    lab_log_write_last(STDERR_FILENO, t->data, t->len);
}

/* ---- handlers ------------------------------------------------------------ */

static const char *find_crash_words(int number) {
  for (int i = 0; i < LAB_APP_FATAL; i++)
    if (fatal[i].number == number)
      return fatal[i].words;
  return "";
}

static void on_fatal_signal(int number, siginfo_t *info, void *context) {
  signal(number, SIG_DFL); /* also for a crash in this handler */
  text t;
  t.len = 0;
  put_crash_text(&t, find_crash_words(number));
  put_crash_thread(&t, info);
  write_crash_text(&t);
  t.len = 0;
  put_crash_stack(&t, context);
  put_crash_text(&t, choose_core_advice());
  put_crash_text(&t, "\n");
  write_crash_text(&t);
  if (info->si_code <= 0)
    raise(number); /* takes effect when the handler returns */
}

static bool is_from_outside(const siginfo_t *info) {
  return info->si_code != SI_TIMER && info->si_pid != getpid();
}

static void on_abort_signal(int number, siginfo_t *info, void *context) {
  int saved = errno;
  if (!is_from_outside(info) || atomic_exchange(&abort_asked, true)) {
    on_fatal_signal(number, info, context);
    return;
  }
  struct itimerspec when = {{0, 0}, {DEADLINE_S, 0}};
  if (has_deadline)
    timer_settime(deadline, 0, &when, NULL);
  lab_app_note_signal(number);
  errno = saved;
}

/* ---- the control thread -------------------------------------------------- */

void lab_app_die(void) {
  lab_signal_files_drop();
  lab_log("%s", choose_core_advice());
  lab_log_flush();
  signal(SIGABRT, SIG_DFL);
  raise(SIGABRT);
}

static void find_out_where_cores_go(void) {
  char first = 0;
  int fd = open("/proc/sys/kernel/core_pattern", O_RDONLY | O_CLOEXEC);
  if (fd < 0)
    return;
  cores_are_piped = read(fd, &first, 1) == 1 && first == '|';
  close(fd);
}

void lab_app_watch_crashes(lab_app *app) {
  struct sigevent event = {.sigev_notify = SIGEV_SIGNAL,
                           .sigev_signo = SIGABRT};
  has_deadline = timer_create(CLOCK_MONOTONIC, &event, &deadline) == 0;
  atomic_store(&abort_asked, false);
  find_out_where_cores_go();
  for (int i = 0; i < LAB_APP_FATAL; i++) {
    struct sigaction sa = {.sa_sigaction =
                               i == 0 ? on_abort_signal : on_fatal_signal,
                           .sa_flags = SA_SIGINFO | SA_RESTART | SA_ONSTACK};
    sigemptyset(&sa.sa_mask);
    sigaddset(&sa.sa_mask, SIGPROF); /* their handlers know only one stack */
    sigaddset(&sa.sa_mask, SIGURG);
    sigaction(fatal[i].number, NULL, &app->before_crashes[i]);
    /* Sanitizers, and programs that embed the lab, may have handlers of their
     * own. */
    if (app->before_crashes[i].sa_handler == SIG_DFL)
      sigaction(fatal[i].number, &sa, NULL);
  }
}

void lab_app_unwatch_crashes(lab_app *app) {
  for (int i = 0; i < LAB_APP_FATAL; i++)
    sigaction(fatal[i].number, &app->before_crashes[i], NULL);
  if (has_deadline)
    timer_delete(deadline);
  has_deadline = false;
}
