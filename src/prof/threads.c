/* SPDX-License-Identifier: MIT
 * See threads.h. The kernel knows all threads (/proc/self/task), the lab those
 * that it started.
 *
 * Go's own text form has a record without an address for threads whose origin
 * it doesn't know, and then its own tools can't read it. Here these are
 * functions in brackets: [libuv-worker]. */
#include "prof/threads.h"

#include <dirent.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/thread.h"
#include "prof/attempt.h"
#include "prof/counts.h"
#include "prof/export.h"
#include "prof/registry.h"
#include "stack/stack.h"
#include "stack/unwind.h"

typedef struct snapshot {
  uint64_t taken_real, taken_mono;
  uint64_t attempt;
  lab_counts counts;
} snapshot;

/* What is known of one thread. */
typedef struct origin {
  pid_t tid;
  uint32_t stack; /* 0: not found */
} origin;

uint32_t lab_threads_creating(void) {
  lab_frame frames[LAB_UNWIND_MAX];
  return lab_stack_intern(frames,
                          lab_unwind_here(frames, LAB_UNWIND_MAX, 0, false));
}

/* ---- all of them --------------------------------------------------------- */

static void visit_threads(void (*visit)(pid_t tid, void *arg), void *arg) {
  DIR *dir = opendir("/proc/self/task");
  if (!dir)
    return;
  for (struct dirent *d; (d = readdir(dir));)
    if (d->d_name[0] != '.')
      visit((pid_t)strtol(d->d_name, NULL, 10), arg);
  closedir(dir);
}

static void count_thread(pid_t tid, void *arg) {
  (void)tid;
  ++*(size_t *)arg;
}

static size_t count_threads(const lab_profile_kind *k) {
  (void)k;
  size_t n = 0;
  visit_threads(count_thread, &n);
  return n;
}

/* ---- where they come from ------------------------------------------------ */

static void match_thread(lab_thread *t, void *arg) {
  origin *o = arg;
  if (t->tid == o->tid)
    o->stack = t->created_by;
}

/* "[comm]". */
static uint32_t stack_of_name(pid_t tid) {
  char path[64], name[32] = "", text[sizeof name + 2];
  snprintf(path, sizeof path, "/proc/self/task/%d/comm", (int)tid);
  FILE *f = fopen(path, "re");
  if (f) {
    if (!fgets(name, sizeof name, f))
      name[0] = '\0';
    fclose(f);
  }
  name[strcspn(name, "\n")] = '\0';
  snprintf(text, sizeof text, "[%s]", name[0] ? name : "thread");
  return lab_export_pseudo(text);
}

static uint32_t find_origin(pid_t tid) {
  origin o = {.tid = tid};
  lab_thread_each(match_thread, &o);
  if (o.stack)
    return o.stack;
  return tid == getpid() ? lab_export_pseudo("[main]") : stack_of_name(tid);
}

static void add_thread(pid_t tid, void *arg) {
  lab_counts_add(arg, find_origin(tid), 0, 1);
}

/* ---- the profile --------------------------------------------------------- */

static void *take_threads(const lab_profile_kind *k) {
  (void)k;
  snapshot *s = lab_xcalloc(1, sizeof *s);
  s->taken_real = lab_clock_real();
  s->taken_mono = lab_clock_mono();
  s->attempt = lab_attempt_now().id;
  visit_threads(add_thread, &s->counts);
  return s;
}

static void free_threads(void *object) {
  snapshot *s = object;
  lab_counts_free(&s->counts);
  lab_xfree(s);
}

static void add_snapshot(lab_counts *c, const snapshot *s, int64_t by) {
  for (size_t i = 0; i < s->counts.keys.count; i++) {
    int64_t n = lab_counts_get(&s->counts, i);
    lab_counts_add(c, (uint32_t)s->counts.keys.keys[i].a, 0, by * n);
  }
}

static int write_threads(const void *object, const void *old, lab_buf *out) {
  const snapshot *now = object, *before = old;
  lab_counts c = LAB_COUNTS_INIT;
  uint64_t duration = before ? now->taken_mono - before->taken_mono : 0;
  add_snapshot(&c, now, 1);
  if (before)
    add_snapshot(&c, before, -1);
  lab_counts_about about = {.name = "threadcreate",
                            .taken = now->taken_real,
                            .duration = duration,
                            .attempt = (before ? before : now)->attempt};
  int rc = lab_counts_write(&c, &about, out);
  lab_counts_free(&c);
  return rc;
}

static void write_threads_text(const void *object, int debug, lab_buf *out) {
  const snapshot *now = object;
  (void)debug;
  lab_counts_write_text(&now->counts, "threadcreate", out);
}

static void keep_origin(lab_thread *t, void *arg) {
  (void)arg;
  lab_stack_keep(t->created_by);
}

static void keep_origins(const lab_profile_kind *k, uint32_t generation) {
  (void)k;
  (void)generation;
  lab_thread_each(keep_origin, NULL);
}

static const lab_profile_kind kind = {
    .name = "threadcreate",
    .description = "Stack traces that led to the creation of new OS threads",
    .count = count_threads,
    .take = take_threads,
    .free = free_threads,
    .write = write_threads,
    .write_text = write_threads_text,
    .mark = keep_origins,
};

void lab_registry_add_threads(void) {
  lab_registry_add(&kind);
}
