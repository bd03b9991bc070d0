/* SPDX-License-Identifier: MIT
 * See files.h. The kernel gives the lowest number that is free, so a table by
 * descriptor stays as small as the most that were ever open at once. */
#include "prof/files.h"

#include <pthread.h>
#include <stdbool.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "prof/counts.h"
#include "prof/registry.h"

static const char NAME[] = "lab.OpenFiles";

typedef struct opened {
  uint32_t stack, label;
  bool open;
} opened;

static struct {
  pthread_mutex_t lock;
  opened *by_fd;
  size_t size; /* of that table */
  size_t open;
} files = {.lock = PTHREAD_MUTEX_INITIALIZER};

struct lab_files_snapshot {
  uint64_t taken_real;
  lab_counts counts;
};

/* Under the lock. */
static void make_room(size_t fd) {
  size_t size = files.size ? files.size : 64;
  while (size <= fd)
    size *= 2;
  if (size == files.size)
    return;
  files.by_fd = lab_xrealloc(files.by_fd, size * sizeof *files.by_fd);
  memset(files.by_fd + files.size, 0,
         (size - files.size) * sizeof *files.by_fd);
  files.size = size;
}

void lab_files_opened(int fd, uint32_t stack, uint32_t label) {
  if (fd < 0)
    return;
  pthread_mutex_lock(&files.lock);
  make_room((size_t)fd);
  files.open += !files.by_fd[fd].open;
  files.by_fd[fd] = (opened){stack, label, true};
  pthread_mutex_unlock(&files.lock);
}

void lab_files_closed(int fd) {
  pthread_mutex_lock(&files.lock);
  if (fd >= 0 && (size_t)fd < files.size && files.by_fd[fd].open) {
    files.by_fd[fd].open = false;
    files.open--;
  }
  pthread_mutex_unlock(&files.lock);
}

size_t lab_files_count(void) {
  pthread_mutex_lock(&files.lock);
  size_t n = files.open;
  pthread_mutex_unlock(&files.lock);
  return n;
}

lab_files_snapshot *lab_files_take(void) {
  lab_files_snapshot *s = lab_xcalloc(1, sizeof *s);
  s->taken_real = lab_clock_real();
  pthread_mutex_lock(&files.lock);
  for (size_t fd = 0; fd < files.size; fd++)
    if (files.by_fd[fd].open)
      lab_counts_add(&s->counts, files.by_fd[fd].stack, files.by_fd[fd].label,
                     1);
  pthread_mutex_unlock(&files.lock);
  return s;
}

void lab_files_snapshot_free(lab_files_snapshot *s) {
  if (!s)
    return;
  lab_counts_free(&s->counts);
  lab_xfree(s);
}

int lab_files_write(const lab_files_snapshot *s, lab_buf *out) {
  return lab_counts_write(&s->counts, NAME, s->taken_real, 0, out);
}

void lab_files_write_text(const lab_files_snapshot *s, lab_buf *out) {
  lab_counts_write_text(&s->counts, NAME, out);
}

/* ---- as a profile of the registry ---------------------------------------- */

static void *take(void) {
  return lab_files_take();
}

static void release(void *snapshot) {
  lab_files_snapshot_free(snapshot);
}

static int write(const void *now, const void *before, lab_buf *out) {
  (void)before; /* has_no_delta */
  return lab_files_write(now, out);
}

static void write_text(const void *now, int debug, lab_buf *out) {
  (void)debug;
  lab_files_write_text(now, out);
}

static const lab_profile_kind kind = {
    .name = NAME,
    .description = "Stack traces that opened the files and sockets which are "
                   "open now. A custom profile, as a Go program makes them.",
    .count = lab_files_count,
    .take = take,
    .free = release,
    .write = write,
    .write_text = write_text,
    .has_no_delta = true,
};

void lab_registry_add_files(void) {
  lab_registry_add(&kind);
}
