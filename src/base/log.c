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
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/allowance.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/log_tail.h"
#include "base/plain.h"
#include "base/thread.h"
#include "base/utf8.h"

/* Bytes that may wait: all of them, and what only the lab's own lines may have
 * beyond that. */
enum { FULL = 1 << 20, RESERVE = 512 << 10 };
enum { POLL_MS = 1000 };
enum { KEPT = 256 << 10 }; /* bytes of a buffer for lines */
static const uint64_t BATCH_NS = 4 * LAB_MILLISECOND;
static const uint64_t ROOM_NS = 50 * LAB_MILLISECOND;
static const uint64_t FLUSH_NS = 250 * LAB_MILLISECOND;

typedef enum line_kind { LAB_LINE, REQUEST_LINE, STEP_LINE } line_kind;

static struct {
  pthread_mutex_t lock;
  pthread_cond_t filled;  /* the writer waits here */
  pthread_cond_t written; /* callers wait here, for room or a flush */
  lab_buf pending;
  uint64_t put, done; /* bytes accepted, bytes written */
  uint64_t dropped;   /* lines, since the last one that had room */
  uint64_t all_dropped;
  lab_allowance step; /* what a step may write */
  lab_thread *writer;
  int fd;
  bool idle; /* the writer sleeps until something comes */
  bool stop;
  bool stuck; /* nothing was written for ROOM_NS */
} lg = {.lock = PTHREAD_MUTEX_INITIALIZER,
        .filled = PTHREAD_COND_INITIALIZER,
        .written = PTHREAD_COND_INITIALIZER,
        .step = {.most = LAB_LOG_STEP_BYTES, .period_ns = LAB_SECOND},
        .fd = STDERR_FILENO};

/* "2018/07/12 15:03:44 " of the current second. */
static __thread struct {
  time_t second;
  char text[24];
  size_t len;
} stamp;

/* Whether FD, which doesn't block, takes something again soon enough. */
static bool takes_more(int fd) {
  struct pollfd p = {.fd = fd, .events = POLLOUT};
  return poll(&p, 1, POLL_MS) > 0 && (p.revents & POLLOUT);
}

/* Writes N bytes to FD, and returns how many could be written. If FD doesn't
 * block, it is waited for, as long as it takes something once a second. */
static size_t write_log_bytes(int fd, const char *p, size_t n) {
  size_t done = 0;
  while (done < n) {
    ssize_t w = write(fd, p + done, n - done);
    if (w > 0)
      done += (size_t)w;
    else if (w == 0 || (errno != EINTR && (errno != EAGAIN || !takes_more(fd))))
      break;
  }
  return done;
}

/* Where poll says that it can be written, a pipe takes PIPE_BUF bytes at once.
 */
size_t lab_log_write_last(int fd, const char *p, size_t n) {
  size_t done = 0;
  while (done < n && takes_more(fd)) {
    size_t part = n - done < PIPE_BUF ? n - done : PIPE_BUF;
    ssize_t w = write(fd, p + done, part);
    if (w > 0)
      done += (size_t)w;
    else if (w == 0 || (errno != EINTR && errno != EAGAIN))
      break;
  }
  return done;
}

static void sleep_ns(uint64_t ns) {
  struct timespec t = {0, (long)ns};
  nanosleep(&t, NULL);
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
static bool wait_until(pthread_cond_t *cond, uint64_t deadline) {
  struct timespec t = {(time_t)(deadline / LAB_SECOND),
                       (long)(deadline % LAB_SECOND)};
  return pthread_cond_clockwait(cond, &lg.lock, CLOCK_MONOTONIC, &t) !=
         ETIMEDOUT;
}

static bool wait_for_writer(uint64_t deadline) {
  return wait_until(&lg.written, deadline);
}

/* Under the lock. Waits until there is room for a line of KIND. False if the
 * writer is stuck: then nobody waits any more until it has written something.
 */
static bool has_room(line_kind kind) {
  size_t most = kind == LAB_LINE ? FULL + RESERVE : FULL;
  if (!lg.writer || lg.pending.len <= most)
    return true;
  uint64_t deadline = lab_clock_mono() + ROOM_NS;
  while (lg.pending.len > most && !lg.stuck)
    lg.stuck = !wait_for_writer(deadline);
  return lg.pending.len <= most;
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

/* Under the lock. Says what is missing, where it is missing. */
static void tell_dropped(void) {
  if (lg.dropped == 0)
    return;
  char text[64];
  int n = snprintf(text, sizeof text, "%llu log lines were dropped",
                   (unsigned long long)lg.dropped);
  lg.dropped = 0;
  append_line(text, (size_t)n);
}

static void tell_refused(uint64_t now) {
  uint64_t refused = lab_allowance_tell(&lg.step, now);
  if (refused == 0)
    return;
  char text[128];
  int n = snprintf(text, sizeof text,
                   "%llu more lines were not written: a step may log %d MiB in "
                   "a second",
                   (unsigned long long)refused, LAB_LOG_STEP_BYTES >> 20);
  append_line(text, (size_t)n);
}

/* Under the lock. */
static void wake_writer(void) {
  if (!lg.idle)
    return;
  lg.idle = false;
  pthread_cond_signal(&lg.filled);
}

/* Under the lock. The first refusal wakes the writer, which will tell it. */
static bool is_allowed(size_t len) {
  uint64_t now = lab_clock_mono();
  tell_refused(now);
  size_t kept = len < LAB_LOG_LINE ? len : LAB_LOG_LINE;
  if (lab_allowance_take(&lg.step, now, stamp.len + kept + 1))
    return true;
  lg.all_dropped++;
  if (lg.step.refused == 1)
    wake_writer();
  return false;
}

/* Under the lock. A line of LEN bytes, of which TEXT has at least the first
 * LAB_LOG_LINE. */
static void queue_line(line_kind kind, const char *text, size_t len) {
  if (kind == STEP_LINE && !is_allowed(len))
    return;
  if (!has_room(kind)) {
    lg.dropped++;
    lg.all_dropped++;
    return;
  }
  tell_dropped();
  append_line(text, len);
  if (!lg.writer) {
    write_log_bytes(STDERR_FILENO, lg.pending.data, lg.pending.len);
    lg.done = lg.put;
    lab_buf_free(&lg.pending);
  } else {
    wake_writer();
  }
}

static void put_line(line_kind kind, const char *text, size_t len) {
  make_stamp();
  pthread_mutex_lock(&lg.lock);
  queue_line(kind, text, len);
  pthread_mutex_unlock(&lg.lock);
}

/* Of a longer text than is written, only that much is looked at. Plain text is
 * never shorter. */
static void put_plain_line(line_kind kind, const char *text, size_t len,
                           bool indented) {
  size_t looked = len < LAB_LOG_LINE ? len : LAB_LOG_LINE;
  if (lab_plain_is(text, looked)) {
    put_line(kind, text, len);
    return;
  }
  lab_buf plain = LAB_BUF_INIT;
  lab_plain_append(&plain, text, looked, indented);
  put_line(kind, plain.data, plain.len + (len - looked));
  lab_buf_free(&plain);
}

void lab_log_request(const char *text, size_t len) {
  put_line(REQUEST_LINE, text, len);
}

void lab_log_step_text(const char *text, size_t len) {
  put_plain_line(STEP_LINE, text, len, true);
}

void lab_log_text(const char *text, size_t len) {
  put_plain_line(LAB_LINE, text, len, false);
}

static void format_line(line_kind kind, const char *format, va_list args) {
  char line[1024];
  va_list again;
  va_copy(again, args);
  int n = vsnprintf(line, sizeof line, format, args);
  if (n >= (int)sizeof line) {
    size_t room = n < LAB_LOG_LINE ? (size_t)n + 1 : LAB_LOG_LINE + 1;
    char *longer = lab_xmalloc(room);
    vsnprintf(longer, room, format, again);
    put_plain_line(kind, longer, (size_t)n, true);
    lab_xfree(longer);
  } else if (n >= 0) {
    put_plain_line(kind, line, (size_t)n, true);
  }
  va_end(again);
}

void lab_log(const char *format, ...) {
  va_list args;
  va_start(args, format);
  format_line(LAB_LINE, format, args);
  va_end(args);
}

void lab_log_step(const char *format, ...) {
  va_list args;
  va_start(args, format);
  format_line(STEP_LINE, format, args);
  va_end(args);
}

/* ---- the writer ---------------------------------------------------------- */

/* What the file didn't take. Only the writer's thread uses it. */
static struct {
  uint64_t lines;
  int error;
  bool cut; /* the file ends in the middle of a line */
} unwritten;

/* Writes N bytes, and remembers how far it came. */
static size_t write_bytes(const char *p, size_t n) {
  errno = 0;
  size_t done = write_log_bytes(lg.fd, p, n);
  if (done < n)
    unwritten.error = errno;
  if (done > 0)
    unwritten.cut = p[done - 1] != '\n';
  return done;
}

/* The line that was cut goes on, as it were, with a new line. */
static bool tell_unwritten(void) {
  char text[256];
  make_stamp();
  int n = snprintf(
      text, sizeof text, "%s%s%llu lines of the log could not be written: %s\n",
      unwritten.cut ? "\n" : "", stamp.text,
      (unsigned long long)unwritten.lines, strerror(unwritten.error));
  if (write_bytes(text, (size_t)n) < (size_t)n)
    return false;
  unwritten.lines = 0;
  return true;
}

static uint64_t count_lines(const char *p, size_t n) {
  uint64_t lines = 0;
  const char *end = p + n;
  while (p < end && (p = memchr(p, '\n', (size_t)(end - p))) != NULL) {
    lines++;
    p++;
  }
  return lines;
}

/* Returns how many lines could not be written. */
static uint64_t write_batch(const lab_buf *batch) {
  size_t done = 0;
  if (unwritten.lines == 0 || tell_unwritten())
    done = write_bytes(batch->data, batch->len);
  uint64_t lost = count_lines(batch->data + done, batch->len - done);
  unwritten.lines += lost;
  return lost;
}

/* After a flood of lines. */
static void give_back_large(lab_buf *b) {
  if (b->cap > KEPT)
    lab_buf_free(b);
}

/* Under the lock. Sleeps until there is something to write, or all is over. */
static void wait_for_lines(lab_buf *batch) {
  for (;;) {
    make_stamp();
    tell_refused(lg.stop ? UINT64_MAX : lab_clock_mono());
    if (lg.pending.len > 0 || lg.stop)
      break;
    give_back_large(&lg.pending);
    give_back_large(batch);
    lg.idle = true;
    if (lg.step.refused > 0)
      wait_until(&lg.filled, lg.step.ends);
    else
      pthread_cond_wait(&lg.filled, &lg.lock);
  }
  lg.idle = false;
}

/* Under the lock, which is free while the batch is written. */
static void write_pending(lab_buf *batch) {
  lab_buf swap = *batch;
  *batch = lg.pending;
  lg.pending = swap;
  make_stamp();
  tell_dropped();
  pthread_mutex_unlock(&lg.lock);
  uint64_t lost = write_batch(batch);
  lab_log_tail_add(batch->data, batch->len);
  pthread_mutex_lock(&lg.lock);
  lg.done += batch->len;
  lg.all_dropped += lost;
  lg.stuck = false;
  lab_buf_clear(batch);
  pthread_cond_broadcast(&lg.written);
}

static void write_log_lines(void *arg) {
  (void)arg;
  lab_buf batch = LAB_BUF_INIT;
  pthread_mutex_lock(&lg.lock);
  for (;;) {
    wait_for_lines(&batch);
    if (lg.pending.len == 0)
      break;
    write_pending(&batch);
    if (lg.stop)
      continue;
    pthread_mutex_unlock(&lg.lock);
    sleep_ns(BATCH_NS);
    pthread_mutex_lock(&lg.lock);
  }
  pthread_mutex_unlock(&lg.lock);
  if (unwritten.lines > 0)
    tell_unwritten();
  lab_buf_free(&batch);
}

/* Doesn't wait for the reader of a FIFO. Writing may wait: that is the writer's
 * thread. */
static int open_log_file(const char *path, lab_err *err) {
  int fd =
      open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NONBLOCK, 0644);
  if (fd < 0)
    return lab_err_set(err, -errno, "can't open log file %s: %s%s", path,
                       strerror(errno),
                       errno == ENXIO ? " (a FIFO needs a reader)" : "");
  fcntl(fd, F_SETFL, O_APPEND);
  return fd;
}

int lab_log_open(const char *path, lab_err *err) {
  int fd = path ? open_log_file(path, err) : STDERR_FILENO;
  if (fd < 0)
    return fd;
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
