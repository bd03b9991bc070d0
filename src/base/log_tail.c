/* SPDX-License-Identifier: MIT
 * See log_tail.h. */
#include "base/log_tail.h"

#include <pthread.h>
#include <stdatomic.h>

static struct {
  pthread_mutex_t lock;
  atomic_bool watched;
  lab_buf kept; /* whole lines */
  uint64_t left_out;
} tail = {.lock = PTHREAD_MUTEX_INITIALIZER};

void lab_log_tail_watch(bool on) {
  pthread_mutex_lock(&tail.lock);
  tail.watched = on;
  tail.left_out = 0;
  lab_buf_free(&tail.kept);
  pthread_mutex_unlock(&tail.lock);
}

static uint64_t count_tail_lines(const char *p, size_t n) {
  uint64_t lines = 0;
  for (size_t i = 0; i < n; i++)
    lines += p[i] == '\n';
  return lines;
}

/* How many of the N bytes have to go, as whole lines, so that MOST stay. */
static size_t find_cut(const char *p, size_t n, size_t most) {
  if (n <= most)
    return 0;
  const char *end = memchr(p + n - most - 1, '\n', most + 1);
  return end ? (size_t)(end + 1 - p) : n;
}

/* Under the lock. */
static void keep_tail(const char *lines, size_t n) {
  size_t cut = find_cut(lines, n, LAB_LOG_TAIL);
  lab_buf *kept = &tail.kept;
  tail.left_out += count_tail_lines(lines, cut);
  lines += cut;
  n -= cut;
  size_t old = find_cut(kept->data, kept->len, LAB_LOG_TAIL - n);
  tail.left_out += count_tail_lines(kept->data, old);
  if (old > 0)
    memmove(kept->data, kept->data + old, kept->len - old);
  kept->len -= old;
  lab_buf_append(kept, lines, n);
}

void lab_log_tail_add(const char *lines, size_t n) {
  if (!atomic_load_explicit(&tail.watched, memory_order_relaxed))
    return;
  pthread_mutex_lock(&tail.lock);
  if (tail.watched)
    keep_tail(lines, n);
  pthread_mutex_unlock(&tail.lock);
}

void lab_log_tail_take(lab_buf *out, uint64_t *left_out) {
  pthread_mutex_lock(&tail.lock);
  lab_buf_append(out, tail.kept.data, tail.kept.len);
  lab_buf_clear(&tail.kept);
  *left_out = tail.left_out;
  tail.left_out = 0;
  pthread_mutex_unlock(&tail.lock);
}
