/* SPDX-License-Identifier: MIT
 * The log's limits: what a step may write in a second, a reader that doesn't
 * read, and a file that takes no more. What is missing is counted exactly, and
 * the lab's own lines are never missing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/allowance.h"
#include "base/buf.h"
#include "base/log.h"
#include "temp_name.h"

static char path[TEMP_NAME];

static int make_file(void **state) {
  (void)state;
  int fd = mkstemp(write_temp_name(path, "test-log"));
  return fd < 0 ? -1 : close(fd);
}

static int remove_file(void **state) {
  (void)state;
  return unlink(path);
}

static void read_all(int fd, lab_buf *out) {
  char part[4096];
  ssize_t n;
  while ((n = read(fd, part, sizeof part)) > 0)
    lab_buf_append(out, part, (size_t)n);
  lab_buf_putc(out, '\0');
}

static lab_buf read_file(void) {
  lab_buf text = LAB_BUF_INIT;
  int fd = open(path, O_RDONLY);
  assert_true(fd >= 0);
  read_all(fd, &text);
  close(fd);
  return text;
}

/* Waits until all is written, or can't be. */
static void flush_log(void) {
  while (!lab_log_flush())
    usleep(1000);
}

static size_t count_texts(const char *in, const char *what) {
  size_t n = 0;
  while ((in = strstr(in, what)) != NULL) {
    n++;
    in += strlen(what);
  }
  return n;
}

/* The sum of the numbers that stand before WHAT. Its lines begin with 20 bytes
 * of date and time. */
static uint64_t sum_counts(const char *in, const char *what) {
  uint64_t sum = 0;
  for (const char *at = in; (at = strstr(at, what)) != NULL; at++) {
    const char *line = at;
    while (line > in && line[-1] != '\n')
      line--;
    sum += strtoull(line + 20, NULL, 10);
  }
  return sum;
}

static const char REFUSED[] =
    " more lines were not written: a step may log 16 MiB in a second\n";
static const char DROPPED[] = " log lines were dropped\n";
static const char UNWRITTEN[] =
    " lines of the log could not be written: File too large\n";

static void test_allowance(void **state) {
  (void)state;
  lab_allowance a = {.most = 100, .period_ns = 10};
  assert_true(lab_allowance_take(&a, 5, 60));
  assert_true(lab_allowance_take(&a, 14, 40));
  assert_false(lab_allowance_take(&a, 14, 1));
  assert_int_equal(lab_allowance_tell(&a, 14), 0);
  assert_true(lab_allowance_take(&a, 15, 99));
  assert_false(lab_allowance_take(&a, 16, 2));
  assert_false(lab_allowance_take(&a, 17, 1)); /* although it would fit */
  assert_false(lab_allowance_take(&a, 18, 0));
  assert_int_equal(lab_allowance_tell(&a, 24), 0);
  assert_int_equal(lab_allowance_tell(&a, 25), 4);
  assert_int_equal(lab_allowance_tell(&a, 25), 0);
  assert_false(lab_allowance_take(&a, 40, 101));
  assert_false(lab_allowance_take(&a, 49, 1));
  assert_int_equal(lab_allowance_tell(&a, UINT64_MAX), 2);
}

/* How many lines were logged; 0: the machine is too slow for the limit, as one
 * with a sanitizer beside other programs is. */
static uint64_t log_until_refused(const char *text, size_t len) {
  uint64_t before = lab_log_dropped(), logged = 0;
  while (lab_log_dropped() < before + 1000) {
    if (logged * len > 256 << 20)
      return 0;
    lab_log_step_text(text, len);
    logged++;
  }
  return logged;
}

/* The lab's lines and the requests' are there, whatever the step does. */
static void test_step_without_end(void **state) {
  (void)state;
  lab_err err;
  assert_int_equal(lab_log_open(path, &err), 0);
  size_t len = 64 << 10;
  char *text = malloc(len);
  assert_non_null(text);
  memset(text, 'x', len);
  text[0] = '!';
  uint64_t first = log_until_refused(text, len);
  for (int i = 0; i < 100; i++) {
    lab_log("of the lab");
    lab_log_request("of a request", 12);
  }
  uint64_t second = first ? log_until_refused(text, len) : 0;
  uint64_t logged = first + second;
  lab_log_close();
  free(text);
  if (!second)
    skip();
  lab_buf file = read_file();
  assert_int_equal(count_texts(file.data, "of the lab\n"), 100);
  uint64_t dropped = sum_counts(file.data, DROPPED);
  assert_in_range(count_texts(file.data, "of a request\n") + dropped, 100,
                  UINT64_MAX);
  uint64_t refused = sum_counts(file.data, REFUSED);
  assert_in_range(refused, 1, logged);
  assert_int_equal(count_texts(file.data, "!") +
                       count_texts(file.data, "of a request\n") + refused +
                       dropped,
                   logged + 100);
  lab_buf_free(&file);
}

typedef struct reading {
  int fd;
  lab_buf text;
} reading;

static void *read_pipe(void *arg) {
  reading *r = arg;
  read_all(r->fd, &r->text);
  close(r->fd);
  return NULL;
}

/* Logs until 1000 lines are dropped, and 100 of the lab's own. Returns how many
 * of requests were logged, and reads the pipe only then. */
static uint64_t fill_pipe(reading *r) {
  lab_err err;
  unlink(path);
  assert_int_equal(mkfifo(path, 0600), 0);
  int end = open(path, O_RDWR);
  *r = (reading){.fd = open(path, O_RDONLY), .text = LAB_BUF_INIT};
  assert_int_equal(lab_log_open(path, &err), 0);
  uint64_t before = lab_log_dropped(), logged = 0;
  for (; lab_log_dropped() < before + 1000; logged++)
    lab_log_request("of a request", 12);
  for (int i = 0; i < 100; i++)
    lab_log("of the lab");
  pthread_t reader;
  assert_int_equal(pthread_create(&reader, NULL, read_pipe, r), 0);
  flush_log();
  lab_log_close();
  close(end);
  pthread_join(reader, NULL);
  return logged;
}

/* A pipe that takes nothing for a second is given up: on a busy machine that
 * may be over before anybody reads. Then what has been seen is another case. */
static void test_full_pipe(void **state) {
  (void)state;
  enum { TRIES = 20 };
  reading r;
  uint64_t dropped = 0, logged = 0;
  for (int i = 0; i < TRIES && dropped != 1000; i++) {
    if (i > 0)
      lab_buf_free(&r.text);
    uint64_t before = lab_log_dropped();
    logged = fill_pipe(&r);
    dropped = lab_log_dropped() - before;
  }
  assert_int_equal(dropped, 1000);
  assert_int_equal(count_texts(r.text.data, "of the lab\n"), 100);
  assert_int_equal(sum_counts(r.text.data, DROPPED), 1000);
  assert_int_equal(count_texts(r.text.data, "of a request\n"), logged - 1000);
  lab_buf_free(&r.text);
}

/* What a process says at its end must not keep it from ending. */
static void test_last_words(void **state) {
  (void)state;
  static const char words[] = "the last words\n";
  static char many[PIPE_BUF];
  int ends[2];
  ssize_t n;
  assert_int_equal(pipe2(ends, O_NONBLOCK), 0);
  while (write(ends[1], many, sizeof many) > 0)
    ;
  assert_int_equal(fcntl(ends[1], F_SETFL, 0), 0); /* it blocks */
  assert_int_equal(lab_log_write_last(ends[1], words, sizeof words), 0);
  n = read(ends[0], many, sizeof many);
  assert_int_equal(n, sizeof many);
  assert_int_equal(lab_log_write_last(ends[1], words, sizeof words),
                   sizeof words);
  close(ends[0]);
  assert_int_equal(lab_log_write_last(ends[1], words, sizeof words), 0);
  close(ends[1]);
}

static void limit_file_size(rlim_t most) {
  struct rlimit limit;
  getrlimit(RLIMIT_FSIZE, &limit);
  limit.rlim_cur = most < limit.rlim_max ? most : limit.rlim_max;
  assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

/* As on a disk that is full for a while: the first line that can be written
 * again says what is missing, and begins a new line. */
static void test_full_file(void **state) {
  (void)state;
  lab_err err;
  signal(SIGXFSZ, SIG_IGN);
  assert_int_equal(lab_log_open(path, &err), 0);
  uint64_t before = lab_log_dropped();
  limit_file_size(1005); /* in the middle of a line */
  for (int i = 0; i < 200; i++) {
    lab_log("of the lab");
    if (i % 10 == 0)
      flush_log();
  }
  flush_log();
  uint64_t lost = lab_log_dropped() - before;
  assert_in_range(lost, 1, 199);
  limit_file_size(RLIM_INFINITY);
  lab_log("the last");
  lab_log_close();
  lab_buf file = read_file();
  assert_int_equal(count_texts(file.data, "of the lab\n"), 200 - lost);
  assert_int_equal(count_texts(file.data, UNWRITTEN), 1);
  assert_int_equal(sum_counts(file.data, UNWRITTEN), lost);
  assert_int_equal(count_texts(file.data, "the last\n"), 1);
  lab_buf_free(&file);
}

/* /dev/full takes nothing, ever. The callers don't wait. */
static void test_full_disk(void **state) {
  (void)state;
  lab_err err;
  uint64_t before = lab_log_dropped();
  assert_int_equal(lab_log_open("/dev/full", &err), 0);
  for (int i = 0; i < 100000; i++)
    lab_log_request("of a request", 12);
  flush_log();
  lab_log_close();
  /* A line that says how many were dropped may be lost, too. */
  assert_in_range(lab_log_dropped() - before, 100000, 100100);
}

/* It has a reader, or is an error at once. A reader that goes is one that can't
 * be written to, and the next one reads what was lost. */
static void test_fifo(void **state) {
  (void)state;
  lab_err err;
  lab_buf text = LAB_BUF_INIT;
  signal(SIGPIPE, SIG_IGN);
  assert_int_equal(unlink(path), 0);
  assert_int_equal(mkfifo(path, 0600), 0);
  alarm(60);
  assert_int_equal(lab_log_open(path, &err), -ENXIO);
  assert_non_null(strstr(err.text, "(a FIFO needs a reader)"));
  alarm(0);
  int reader = open(path, O_RDONLY | O_NONBLOCK);
  assert_int_equal(lab_log_open(path, &err), 0);
  int flags = fcntl(lab_log_fd(), F_GETFL);
  assert_true((flags & O_APPEND) && !(flags & O_NONBLOCK));
  lab_log("with a reader");
  flush_log();
  read_all(reader, &text);
  assert_int_equal(count_texts(text.data, "with a reader\n"), 1);
  close(reader);
  uint64_t before = lab_log_dropped();
  lab_log("without one");
  flush_log();
  assert_int_equal(lab_log_dropped() - before, 1);
  reader = open(path, O_RDONLY | O_NONBLOCK);
  lab_log("with another");
  flush_log();
  lab_buf_clear(&text);
  read_all(reader, &text);
  assert_int_equal(count_texts(text.data, "1 lines of the log could not be"),
                   1);
  assert_int_equal(count_texts(text.data, "with another\n"), 1);
  lab_log_close();
  close(reader);
  lab_buf_free(&text);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_allowance),
      cmocka_unit_test_setup_teardown(test_step_without_end, make_file,
                                      remove_file),
      cmocka_unit_test_setup_teardown(test_full_pipe, make_file, remove_file),
      cmocka_unit_test_setup_teardown(test_full_file, make_file, remove_file),
      cmocka_unit_test(test_last_words),
      cmocka_unit_test_setup_teardown(test_fifo, make_file, remove_file),
      cmocka_unit_test(test_full_disk),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
