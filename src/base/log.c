/* SPDX-License-Identifier: MIT
 * The log: see log.h.
 *
 * There are two buffers: callers fill one while the writer writes the other.
 * The writer sleeps on a condition variable. After a write it waits BATCH_NS
 * before it looks again: so under load one write(2) takes many lines, while a
 * single line on an idle lab appears at once. */
#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/thread.h"
#include "base/utf8.h"

enum { FULL = 1 << 20 }; /* bytes that may wait */
static const uint64_t BATCH_NS = 2 * LAB_MILLISECOND;
static const uint64_t ROOM_NS = 50 * LAB_MILLISECOND;
static const uint64_t FLUSH_NS = 250 * LAB_MILLISECOND;

static struct {
  pthread_mutex_t lock;
  pthread_cond_t filled;  /* the writer waits here */
  pthread_cond_t written; /* callers wait here, for room or a flush */
  lab_buf pending;
  uint64_t put, done; /* bytes accepted, bytes written */
  uint64_t dropped;   /* lines, since the last one that had room */
  uint64_t all_dropped;
  lab_thread *writer;
  int fd;
  bool idle; /* the writer sleeps until something comes */
  bool stop;
  bool stuck; /* nothing was written for ROOM_NS */
} lg = {.lock = PTHREAD_MUTEX_INITIALIZER,
        .filled = PTHREAD_COND_INITIALIZER,
        .written = PTHREAD_COND_INITIALIZER,
        .fd = STDERR_FILENO};

/* "2018/07/12 15:03:44 " of the current second. */
static __thread struct {
  time_t second;
  char text[24];
  size_t len;
} stamp;

void lab_log_write(int fd, const char *p, size_t n) {
  while (n > 0) {
    ssize_t w = write(fd, p, n);
    if (w < 0 && errno == EINTR)
      continue;
    if (w <= 0)
      return; /* there is nobody to tell */
    p += w;
    n -= (size_t)w;
  }
}

static void sleep_ns(uint64_t ns) {
  struct timespec t = {0, (long)ns};
  nanosleep(&t, NULL);
}

static void write_log_lines(void *arg) {
  (void)arg;
  lab_buf batch = LAB_BUF_INIT;
  pthread_mutex_lock(&lg.lock);
  for (;;) {
    while (lg.pending.len == 0 && !lg.stop) {
      lg.idle = true;
      pthread_cond_wait(&lg.filled, &lg.lock);
    }
    lg.idle = false;
    if (lg.pending.len == 0)
      break;
    lab_buf swap = batch;
    batch = lg.pending;
    lg.pending = swap;
    pthread_mutex_unlock(&lg.lock);
    lab_log_write(lg.fd, batch.data, batch.len);
    pthread_mutex_lock(&lg.lock);
    lg.done += batch.len;
    lg.stuck = false;
    lab_buf_clear(&batch);
    pthread_cond_broadcast(&lg.written);
    if (lg.stop)
      continue;
    pthread_mutex_unlock(&lg.lock);
    sleep_ns(BATCH_NS);
    pthread_mutex_lock(&lg.lock);
  }
  pthread_mutex_unlock(&lg.lock);
  lab_buf_free(&batch);
}

int lab_log_open(const char *path, lab_err *err) {
  int fd = STDERR_FILENO;
  if (path) {
    fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    if (fd < 0)
      return lab_err_set(err, -errno, "can't open log file %s: %s", path,
                         strerror(errno));
  }
  lg.fd = fd;
  lg.stop = false;
  int rc = lab_thread_start(&lg.writer, "log", write_log_lines, NULL);
  if (rc == 0)
    return 0;
  if (fd != STDERR_FILENO)
    close(fd);
  lg.fd = STDERR_FILENO;
  return lab_err_set(err, rc, "can't start the log's thread: %s",
                     strerror(-rc));
}

static void make_stamp(void) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME_COARSE, &now);
  if (stamp.len > 0 && now.tv_sec == stamp.second)
    return;
  struct tm tm;
  localtime_r(&now.tv_sec, &tm);
  stamp.len =
      strftime(stamp.text, sizeof stamp.text, "%Y/%m/%d %H:%M:%S ", &tm);
  stamp.second = now.tv_sec;
}

/* Under the lock. False when DEADLINE (mono ns) has passed. */
static bool wait_for_writer(uint64_t deadline) {
  struct timespec t = {(time_t)(deadline / LAB_SECOND),
                       (long)(deadline % LAB_SECOND)};
  return pthread_cond_clockwait(&lg.written, &lg.lock, CLOCK_MONOTONIC, &t) !=
         ETIMEDOUT;
}

/* Under the lock. Waits until there is room. False if the writer is stuck: then
 * nobody waits any more until it has written something. */
static bool has_room(void) {
  uint64_t deadline = lab_clock_mono() + ROOM_NS;
  while (lg.writer && lg.pending.len > FULL && !lg.stuck)
    lg.stuck = !wait_for_writer(deadline);
  return !lg.stuck || lg.pending.len <= FULL;
}

/* Under the lock. */
static void append_line(const char *text, size_t len) {
  size_t before = lg.pending.len;
  size_t kept = len > LAB_LOG_LINE ? lab_utf8_trim(text, LAB_LOG_LINE) : len;
  lab_buf_append(&lg.pending, stamp.text, stamp.len);
  lab_buf_append(&lg.pending, text, kept);
  if (kept < len)
    lab_buf_printf(&lg.pending, "... (%zu bytes left out)", len - kept);
  lab_buf_putc(&lg.pending, '\n');
  lg.put += lg.pending.len - before;
}

static void tell_dropped(void) {
  char text[64];
  int n = snprintf(text, sizeof text, "%llu log lines were dropped",
                   (unsigned long long)lg.dropped);
  lg.dropped = 0;
  append_line(text, (size_t)n);
}

/* A line of LEN bytes, of which TEXT has at least the first LAB_LOG_LINE. */
static void put_line(const char *text, size_t len) {
  make_stamp();
  pthread_mutex_lock(&lg.lock);
  if (!has_room()) {
    lg.dropped++;
    lg.all_dropped++;
    pthread_mutex_unlock(&lg.lock);
    return;
  }
  if (lg.dropped)
    tell_dropped();
  append_line(text, len);
  if (!lg.writer) {
    lab_log_write(STDERR_FILENO, lg.pending.data, lg.pending.len);
    lg.done = lg.put;
    lab_buf_free(&lg.pending);
  } else if (lg.idle) {
    lg.idle = false;
    pthread_cond_signal(&lg.filled);
  }
  pthread_mutex_unlock(&lg.lock);
}

void lab_log_text(const char *text, size_t len) {
  put_line(text, len);
}

void lab_log(const char *format, ...) {
  char line[1024];
  va_list args, again;
  va_start(args, format);
  va_copy(again, args);
  int n = vsnprintf(line, sizeof line, format, args);
  if (n >= (int)sizeof line) {
    size_t room = n < LAB_LOG_LINE ? (size_t)n + 1 : LAB_LOG_LINE + 1;
    char *longer = lab_xmalloc(room);
    vsnprintf(longer, room, format, again);
    put_line(longer, (size_t)n);
    lab_xfree(longer);
  } else if (n >= 0) {
    lab_log_text(line, (size_t)n);
  }
  va_end(again);
  va_end(args);
}

bool lab_log_flush(void) {
  uint64_t deadline = lab_clock_mono() + FLUSH_NS;
  pthread_mutex_lock(&lg.lock);
  uint64_t want = lg.put;
  while (lg.writer && lg.done < want && wait_for_writer(deadline))
    ;
  bool all = !lg.writer || lg.done >= want;
  pthread_mutex_unlock(&lg.lock);
  return all;
}

int lab_log_fd(void) {
  return lg.fd;
}

uint64_t lab_log_dropped(void) {
  pthread_mutex_lock(&lg.lock);
  uint64_t n = lg.all_dropped;
  pthread_mutex_unlock(&lg.lock);
  return n;
}

void lab_log_close(void) {
  bool all = lab_log_flush();
  pthread_mutex_lock(&lg.lock);
  lab_thread *writer = lg.writer;
  lg.stop = true;
  pthread_cond_signal(&lg.filled);
  pthread_mutex_unlock(&lg.lock);
  if (!all)
    return;
  if (writer)
    lab_thread_join(writer);
  pthread_mutex_lock(&lg.lock);
  lg.writer = NULL;
  if (lg.fd != STDERR_FILENO)
    close(lg.fd);
  lg.fd = STDERR_FILENO;
  lab_buf_free(&lg.pending);
  pthread_mutex_unlock(&lg.lock);
}
