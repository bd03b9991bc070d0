/* SPDX-License-Identifier: MIT
 * Metrics from many threads, histograms' ranges, the list; what the kernel says
 * about the process; numbers as text. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <math.h>
#include <pthread.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/metric.h"
#include "base/process.h"

/* ---- metrics ------------------------------------------------------------- */

enum { THREADS = 4, ROUNDS = 50000 };

static void *work(void *arg) {
  lab_metric **m = arg;
  for (int i = 0; i < ROUNDS; i++) {
    lab_metric_add(m[0], 0.5);
    lab_metric_add(m[1], i % 2 ? -1 : 1);
    lab_histogram_observe(&m[2]->histogram, 15000);
  }
  return NULL;
}

static void nothing_is_lost_between_threads(void **state) {
  (void)state;
  lab_metric *m[] = {
      lab_metric_new(LAB_METRIC_COUNTER, "c", "help"),
      lab_metric_new(LAB_METRIC_GAUGE, "g", NULL),
      lab_metric_new(LAB_METRIC_HISTOGRAM, "h", NULL),
  };
  pthread_t threads[THREADS];
  for (int i = 0; i < THREADS; i++)
    pthread_create(&threads[i], NULL, work, m);
  for (int i = 0; i < THREADS; i++)
    pthread_join(threads[i], NULL);
  assert_true(lab_metric_get(m[0]) == THREADS * ROUNDS / 2);
  assert_true(lab_metric_get(m[1]) == 0);
  assert_int_equal(m[2]->histogram.buckets[1], THREADS * ROUNDS);
  assert_int_equal(m[2]->histogram.sum_ns, THREADS * ROUNDS * 15000ull);
  lab_metric_set(m[1], -2.5);
  assert_true(lab_metric_get(m[1]) == -2.5);
  for (int i = 0; i < 3; i++)
    lab_metric_free(m[i]);
}

static void a_bound_belongs_to_its_range(void **state) {
  (void)state;
  lab_histogram h;
  memset(&h, 0, sizeof h);
  for (size_t i = 0; i < LAB_HISTOGRAM_BOUNDS; i++) {
    uint64_t ns = (uint64_t)(lab_histogram_bound(i) * 1e9 + 0.5);
    lab_histogram_observe(&h, ns);
    lab_histogram_observe(&h, ns + 1);
    assert_true(i == 0 || lab_histogram_bound(i) > lab_histogram_bound(i - 1));
  }
  assert_int_equal(h.buckets[0], 1);
  for (size_t i = 1; i < LAB_HISTOGRAM_BOUNDS; i++)
    assert_int_equal(h.buckets[i], 2);
  assert_int_equal(h.buckets[LAB_HISTOGRAM_BOUNDS], 1);
  assert_true(lab_histogram_bound(0) == 10e-6);
  assert_true(lab_histogram_bound(LAB_HISTOGRAM_BOUNDS - 1) == 30);
}

static void histograms_add_up(void **state) {
  (void)state;
  lab_histogram a, b;
  memset(&a, 0, sizeof a);
  memset(&b, 0, sizeof b);
  lab_histogram_observe(&a, 1);
  lab_histogram_observe(&b, 1);
  lab_histogram_observe(&b, UINT64_C(60000000000));
  lab_histogram_add(&a, &b);
  assert_int_equal(a.buckets[0], 2);
  assert_int_equal(a.buckets[LAB_HISTOGRAM_BOUNDS], 1);
  assert_true(a.sum_ns == UINT64_C(60000000002));
  assert_int_equal(b.buckets[0], 1);
}

/* What a counter had at the mark is no part of what came since; a gauge has
 * what it has. */
static void counters_since_the_mark(void **state) {
  (void)state;
  lab_metric *c = lab_metric_new(LAB_METRIC_COUNTER, "c", NULL);
  lab_metric *g = lab_metric_new(LAB_METRIC_GAUGE, "g", NULL);
  lab_metric_add(c, 1000);
  lab_metric_set(g, 5);
  assert_true(lab_metric_since_mark(c) == 1000);
  lab_metric_mark();
  assert_true(lab_metric_since_mark(c) == 0);
  lab_metric_add(c, 3);
  assert_true(lab_metric_since_mark(c) == 3 && lab_metric_get(c) == 1003);
  assert_true(lab_metric_since_mark(g) == 5);
  lab_metric *later = lab_metric_new(LAB_METRIC_COUNTER, "later", NULL);
  lab_metric_add(later, 2);
  assert_true(lab_metric_since_mark(later) == 2);
  lab_metric_free(c);
  lab_metric_free(g);
  lab_metric_free(later);
}

static void note(const lab_metric *m, void *arg) {
  lab_buf_printf(arg, "%s=%g ", m->name, lab_metric_get(m));
}

static void assert_list(const char *want) {
  lab_buf b = LAB_BUF_INIT;
  lab_metric_each(note, &b);
  lab_buf_putc(&b, '\0');
  assert_string_equal(b.data, want);
  lab_buf_free(&b);
}

static void the_list_is_sorted_and_shows_the_oldest(void **state) {
  (void)state;
  assert_list("");
  lab_metric *b = lab_metric_new(LAB_METRIC_GAUGE, "b", NULL);
  lab_metric *c = lab_metric_new(LAB_METRIC_GAUGE, "c", NULL);
  lab_metric *a = lab_metric_new(LAB_METRIC_GAUGE, "a", NULL);
  lab_metric *new = lab_metric_new(LAB_METRIC_COUNTER, "b", NULL);
  lab_metric_add(new, 7);
  assert_list("a=0 b=0 c=0 ");
  lab_metric_free(b);
  assert_list("a=0 b=7 c=0 ");
  lab_metric_free(a);
  lab_metric_free(new);
  lab_metric_free(NULL);
  assert_list("c=0 ");
  lab_metric_free(c);
}

/* A counter's "_total" is no part of its family's name. */
static void one_of_a_family_is_shown(void **state) {
  (void)state;
  lab_metric *old = lab_metric_new(LAB_METRIC_COUNTER, "q_total", NULL);
  lab_metric *between = lab_metric_new(LAB_METRIC_GAUGE, "q_n", NULL);
  lab_metric *new = lab_metric_new(LAB_METRIC_GAUGE, "q", NULL);
  assert_list("q_n=0 q_total=0 ");
  lab_metric_free(old);
  assert_list("q=0 q_n=0 ");
  lab_metric_free(between);
  lab_metric_free(new);
  assert_int_equal(lab_metric_family_length("q_total"), 1);
  assert_int_equal(lab_metric_family_length("_total"), 6);
  assert_int_equal(lab_metric_family_length("q_totals"), 8);
}

static void names(void **state) {
  (void)state;
  const char *const good[] = {"a", "_", ":x", "jobs_total", "aB:9_", NULL};
  const char *const bad[] = {"",         "9a",  "a b", "a-b", "a.b",
                             "\xc3\xa4", "a\n", "a{",  NULL};
  for (int i = 0; good[i]; i++)
    assert_true(lab_metric_name_is_good(good[i]));
  for (int i = 0; bad[i]; i++)
    assert_false(lab_metric_name_is_good(bad[i]));
}

/* ---- numbers as text ----------------------------------------------------- */

static void assert_double(double x, const char *want) {
  lab_buf b = LAB_BUF_INIT;
  lab_buf_double(&b, x);
  lab_buf_putc(&b, '\0');
  assert_string_equal(b.data, want);
  lab_buf_free(&b);
}

static void doubles(void **state) {
  (void)state;
  assert_double(0, "0");
  assert_double(5, "5");
  assert_double(-123456789012.0, "-123456789012");
  assert_double(0.1, "0.1");
  assert_double(1.0 / 3, "0.3333333333333333");
  assert_double(1e-5, "1e-05");
  assert_double(1e300, "1e+300");
  assert_double(18446744073709551615.0, "1.8446744073709552e+19");
  assert_double(NAN, "NaN");
  assert_double(INFINITY, "+Inf");
  assert_double(-INFINITY, "-Inf");
}

/* ---- the process --------------------------------------------------------- */

static void the_process_as_it_is(void **state) {
  (void)state;
  lab_process a, b;
  assert_int_equal(lab_process_open(), 0);
  lab_process_read(&a);
  int fd = open("/dev/null", O_RDONLY);
  size_t size = 64 << 20;
  void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
  assert_true(memory != MAP_FAILED);
  lab_process_read(&b);
  assert_int_equal(b.fds, a.fds + 1);
  assert_true(b.rss > a.rss + size - (1 << 20));
  assert_true(b.virtual_bytes >= a.virtual_bytes + size);
  assert_true(b.cpu_ns > a.cpu_ns);
  uint64_t parts = b.user_ns + b.system_ns;
  assert_true(parts > 0 && parts <= lab_clock_process_cpu());
  assert_true(b.minor_faults > a.minor_faults);
  assert_true(b.threads >= 1); /* a sanitizer may have one, too */
  assert_int_equal(a.start_ns, b.start_ns);
  uint64_t age = lab_clock_real() - b.start_ns;
  assert_true(age > 0 && age < 600 * LAB_SECOND);
  munmap(memory, size);
  close(fd);
}

/* That is when somebody looks. */
static void also_without_a_free_descriptor(void **state) {
  (void)state;
  struct rlimit old, low;
  int fds[64], n = 0;
  lab_process p;
  assert_int_equal(lab_process_open(), 0);
  getrlimit(RLIMIT_NOFILE, &old);
  low = old;
  low.rlim_cur = 40;
  setrlimit(RLIMIT_NOFILE, &low);
  while ((fds[n] = open("/dev/null", O_RDONLY)) >= 0)
    n++;
  lab_process_read(&p);
  while (n > 0)
    close(fds[--n]);
  setrlimit(RLIMIT_NOFILE, &old);
  assert_int_equal(p.fds, 40);
  assert_int_equal(p.max_fds, 40);
  assert_true(p.rss > 0 && p.threads >= 1);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(nothing_is_lost_between_threads),
      cmocka_unit_test(a_bound_belongs_to_its_range),
      cmocka_unit_test(histograms_add_up),
      cmocka_unit_test(counters_since_the_mark),
      cmocka_unit_test(the_list_is_sorted_and_shows_the_oldest),
      cmocka_unit_test(one_of_a_family_is_shown),
      cmocka_unit_test(names),
      cmocka_unit_test(doubles),
      cmocka_unit_test(the_process_as_it_is),
      cmocka_unit_test(also_without_a_free_descriptor),
  };
  /* A shell may have left some open, and their numbers may be large. */
  close_range(3, ~0U, 0);
  return cmocka_run_group_tests(tests, NULL, NULL);
}
