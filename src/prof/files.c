/* SPDX-License-Identifier: MIT
 * See files.h. The kernel gives the lowest number that is free, so a table by
 * descriptor needs no more places than were ever open at once. */
#include "prof/files.h"

#include <pthread.h>
#include <stdbool.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "prof/counts.h"
#include "prof/label.h"
#include "prof/registry.h"
#include "stack/stack.h"

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

typedef struct snapshot {
  uint64_t taken_real;
  lab_counts counts;
} snapshot;

/* Under the lock. */
static void make_room_for_fd(size_t fd) {
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
  make_room_for_fd((size_t)fd);
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

/* ---- the profile --------------------------------------------------------- */

static size_t count_open_files(void) {
  pthread_mutex_lock(&files.lock);
  size_t n = files.open;
  pthread_mutex_unlock(&files.lock);
  return n;
}

static void *take_open_files(void) {
  snapshot *s = lab_xcalloc(1, sizeof *s);
  s->taken_real = lab_clock_real();
  pthread_mutex_lock(&files.lock);
  for (size_t fd = 0; fd < files.size; fd++)
    if (files.by_fd[fd].open)
      lab_counts_add(&s->counts, files.by_fd[fd].stack, files.by_fd[fd].label,
                     1);
  pthread_mutex_unlock(&files.lock);
  return s;
}

static void free_open_files(void *object) {
  snapshot *s = object;
  lab_counts_free(&s->counts);
  lab_xfree(s);
}

static int write_open_files(const void *object, const void *before,
                            lab_buf *out) {
  const snapshot *s = object;
  (void)before; /* has_no_delta */
  return lab_counts_write(&s->counts, NAME, s->taken_real, 0, out);
}

static void write_open_files_text(const void *object, int debug, lab_buf *out) {
  const snapshot *s = object;
  (void)debug;
  lab_counts_write_text(&s->counts, NAME, out);
}

static void keep_open_files(uint32_t generation) {
  (void)generation;
  pthread_mutex_lock(&files.lock);
  for (size_t fd = 0; fd < files.size; fd++) {
    if (files.by_fd[fd].open) {
      lab_label_keep(files.by_fd[fd].label);
      lab_stack_keep(files.by_fd[fd].stack);
    }
  }
  pthread_mutex_unlock(&files.lock);
}

static const lab_profile_kind kind = {
    .name = NAME,
    .description = "Stack traces that opened the files and sockets which are "
                   "open now. A custom profile, as a Go program makes them.",
    .count = count_open_files,
    .take = take_open_files,
    .free = free_open_files,
    .write = write_open_files,
    .write_text = write_open_files_text,
    .has_no_delta = true,
    .mark = keep_open_files,
};

void lab_registry_add_files(void) {
  lab_registry_add(&kind);
}
