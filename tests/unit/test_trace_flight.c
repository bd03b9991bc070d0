/* SPDX-License-Identifier: MIT
 * The flight recorder's ring: what is written is read back, in any chunk; old
 * chunks go and say how far back all is known; a cut doesn't change when the
 * ring goes on; workers end jobs meanwhile. */
#include <pthread.h>
#include <stdio.h>

#include "base/clock.h"
#include "guard_page.h"
#include "trace/flight.h"
#include "trace/flight_cut.h"

enum { SMALL = 64 << 10, WORKERS = 2, ENTRY = 7 };

static uint64_t now;

static size_t write_number(const void *of, char *out, size_t size) {
  return (size_t)snprintf(out, size, "GET /%u", *(const unsigned *)of);
}

static void tell_request(const void *of, lab_flight_facts *out) {
  uint64_t id = *(const unsigned *)of;
  *out =
      (lab_flight_facts){.id = id, .task = id, .entry = ENTRY, .serves = true};
}

static void open_ring(uint64_t ns) {
  lab_flight_open(ns, SMALL, WORKERS);
  now = lab_clock_mono();
}

static void begin_one(unsigned id) {
  lab_flight_request(id, id, ENTRY, write_number, &id, ++now);
}

static void run_one(unsigned id) {
  lab_flight_start(id, ++now);
  now += 5;
  lab_flight_end(id, id, tell_request, write_number, &id, now);
}

typedef struct walker {
  lab_flight_cut cut;
  size_t chunk;
  lab_flight_reader reader;
} walker;

static bool read_any(walker *w, lab_flight_record *e) {
  for (;;) {
    if (w->chunk > 0 && lab_flight_read(&w->reader, e))
      return true;
    if (w->chunk == w->cut.nchunks)
      return false;
    lab_flight_read_begin(&w->reader, w->cut.chunks[w->chunk++]);
  }
}

static walker take_cut(void) {
  walker w = {0};
  assert_true(lab_flight_cut_take(&w.cut));
  return w;
}

static void expect_next(walker *w, lab_flight_kind kind, uint64_t first) {
  lab_flight_record e;
  assert_true(read_any(w, &e));
  assert_int_equal(e.kind, kind);
  assert_int_equal(e.args[0], first);
}

static void expect_end(walker *w) {
  lab_flight_record e;
  assert_false(read_any(w, &e));
  lab_flight_cut_free(&w->cut);
}

/* What is one record in the ring is several to its reader. */
static void test_request(void **state) {
  (void)state;
  open_ring(LAB_SECOND);
  uint64_t began = now;
  begin_one(1);
  run_one(1);
  walker w = take_cut();
  lab_flight_record e;
  assert_true(read_any(&w, &e));
  assert_int_equal(e.kind, FLIGHT_TASK);
  assert_int_equal(e.now, began + 1);
  assert_int_equal(e.len, 6);
  assert_memory_equal(e.text, "GET /1", 6);
  assert_true(read_any(&w, &e));
  assert_int_equal(e.kind, FLIGHT_CREATE);
  const uint64_t facts[] = {1, 1, ENTRY, 0, 1};
  assert_memory_equal(e.args, facts, sizeof facts);
  assert_true(read_any(&w, &e));
  assert_int_equal(e.kind, FLIGHT_START);
  assert_int_equal(e.now, began + 2);
  assert_true(read_any(&w, &e));
  assert_int_equal(e.kind, FLIGHT_END);
  assert_int_equal(e.now, began + 7);
  expect_next(&w, FLIGHT_TASK_END, 1);
  expect_end(&w);
  lab_flight_close();
}

/* A start that isn't followed by its stop is there, too, and in its order. */
static void test_pending_start(void **state) {
  (void)state;
  open_ring(LAB_SECOND);
  begin_one(1);
  begin_one(2);
  lab_flight_start(1, ++now);
  lab_flight_log(2, "x", 1, 3, ++now);
  lab_flight_block(1, LAB_TRACE_SYNC, 4, ++now);
  lab_flight_start(2, ++now);
  walker w = take_cut();
  for (unsigned id = 1; id <= 2; id++) {
    expect_next(&w, FLIGHT_TASK, id);
    expect_next(&w, FLIGHT_CREATE, id);
  }
  expect_next(&w, FLIGHT_START, 1);
  expect_next(&w, FLIGHT_LOG, 2);
  expect_next(&w, FLIGHT_BLOCK, 1);
  expect_next(&w, FLIGHT_START, 2);
  expect_end(&w);
  lab_flight_close();
}

/* Of what goes on while the cut is held. */
static uint64_t sum_records(walker w) {
  lab_flight_record e;
  uint64_t sum = 0;
  while (read_any(&w, &e))
    sum = 31 * sum + (e.now ^ e.args[0] << 8 ^ (uint64_t)e.kind);
  return sum;
}

/* Requests that take so long that many chunks lie between beginning and end:
 * each end says what has begun before its chunk, and names don't get lost. */
static void test_border_of_chunks(void **state) {
  enum { N = 20000, OPEN = 700 };
  (void)state;
  open_ring(3600 * LAB_SECOND);
  walker early = {0};
  uint64_t sum = 0;
  for (unsigned id = 1; id <= N; id++) {
    begin_one(id);
    if (id > OPEN)
      run_one(id - OPEN);
    if (id == N / 2) {
      early = take_cut();
      sum = sum_records(early);
    }
  }
  assert_int_equal(sum_records(early), sum);
  assert_true(early.cut.nchunks > 1);
  lab_flight_cut_free(&early.cut);

  walker w = take_cut();
  lab_flight_record e;
  uint64_t last = 0, created = 0, old = 0, known = 0;
  char name[LAB_FLIGHT_NAME];
  size_t bytes = 0;
  for (size_t i = 0; i < w.cut.nchunks; i++)
    bytes += sizeof(lab_flight_chunk) + w.cut.chunks[i]->room;
  assert_true(bytes <= SMALL);
  assert_true(bytes > SMALL / 2);
  while (read_any(&w, &e)) {
    assert_true(e.now >= last && e.now >= w.cut.from);
    last = e.now;
    if (e.kind == FLIGHT_CREATE) {
      assert_true(created == 0 || e.args[0] == created + 1);
      created = e.args[0];
      known = known ? known : created;
    }
    if (e.kind == FLIGHT_END_OLD) {
      old++;
      assert_int_equal(e.args[2], ENTRY);
      assert_int_equal(e.args[4], 1);
    }
    if (e.kind == FLIGHT_END) /* its beginning is in the same chunk */
      assert_true(e.args[0] >= known);
    if (e.kind == FLIGHT_TASK_OLD) {
      unsigned id = (unsigned)e.args[0];
      size_t len = write_number(&id, name, sizeof name);
      assert_int_equal(e.len, len);
      assert_memory_equal(e.text, name, len);
    }
  }
  assert_int_equal(created, N);
  assert_true(old > 0);
  lab_flight_cut_free(&w.cut);
  lab_flight_close();
}

/* A chunk has a quarter of the ring's time, however little is in it. */
static void test_time(void **state) {
  (void)state;
  open_ring(4 * LAB_SECOND);
  uint64_t began = now;
  for (unsigned id = 1; id <= 40; id++) {
    now += LAB_SECOND / 2;
    begin_one(id);
    run_one(id);
  }
  walker w = take_cut();
  assert_true(w.cut.nchunks >= 4 && w.cut.nchunks <= 7);
  assert_true(w.cut.from > began + 10 * LAB_SECOND);
  assert_true(w.cut.from + 4 * LAB_SECOND <= now);
  lab_flight_cut_free(&w.cut);
  lab_flight_close();
}

/* While nothing happens, whoever looks sees that a chunk is too old. */
static void test_stale_chunks(void **state) {
  (void)state;
  open_ring(4 * LAB_SECOND);
  uint64_t began = now;
  begin_one(1);
  run_one(1);
  assert_false(lab_flight_is_stale(now + 9 * LAB_SECOND)); /* not full yet */
  uint64_t last = now;
  now += 2 * LAB_SECOND;
  begin_one(2);
  run_one(2);
  assert_false(lab_flight_is_stale(last + 4 * LAB_SECOND));
  assert_true(lab_flight_is_stale(last + 4 * LAB_SECOND + 1));
  lab_flight_drop_stale(last + 4 * LAB_SECOND);
  assert_true(lab_flight_is_stale(last + 4 * LAB_SECOND + 1));
  lab_flight_drop_stale(last + 4 * LAB_SECOND + 1);
  assert_false(lab_flight_is_stale(now + 9 * LAB_SECOND));
  walker w = take_cut();
  lab_flight_record e;
  assert_true(w.cut.from >= last && w.cut.from > began);
  while (read_any(&w, &e))
    assert_true(e.now > last);
  lab_flight_cut_free(&w.cut);
  lab_flight_close();
  assert_false(lab_flight_is_stale(now + 9 * LAB_SECOND));
}

/* A wait that began in a chunk before is told with its end. */
static void test_old_wait(void **state) {
  (void)state;
  open_ring(4 * LAB_SECOND);
  begin_one(1);
  lab_flight_start(1, ++now);
  lab_flight_block(1, LAB_TRACE_NET, 9, ++now);
  uint64_t began = now;
  lab_flight_unblock(1, 5, 0, LAB_TRACE_NET, 9, began, ++now);
  lab_flight_start(1, ++now);
  lab_flight_block(1, LAB_TRACE_NET, 9, ++now);
  began = now;
  now += 2 * LAB_SECOND;
  lab_flight_unblock(1, 5, 0, LAB_TRACE_NET, 9, began, now);
  walker w = take_cut();
  lab_flight_record e;
  unsigned n = 0;
  while (read_any(&w, &e)) {
    n += e.kind == FLIGHT_UNBLOCK;
    if (e.kind != FLIGHT_UNBLOCK_OLD)
      continue;
    assert_int_equal(e.args[3], LAB_TRACE_NET);
    assert_int_equal(e.args[4], 9);
    n += 10;
  }
  assert_int_equal(n, 11);
  lab_flight_cut_free(&w.cut);
  lab_flight_close();
}

/* ---- workers ------------------------------------------------------------- */

enum { JOBS = 2000 };

static void *do_jobs(void *arg) {
  unsigned index = *(unsigned *)arg;
  for (unsigned i = 0; i < JOBS; i++) {
    lab_flight_job_begin(index, "copy", 1 + index, lab_clock_mono());
    lab_flight_job_end(index, lab_clock_mono());
  }
  return NULL;
}

/* Each job is in one cut and only one, in the order of its worker. */
static void test_jobs(void **state) {
  pthread_t threads[WORKERS];
  unsigned index[WORKERS] = {0, 1}, seen[WORKERS] = {0};
  uint64_t ended[WORKERS] = {0};
  (void)state;
  lab_flight_open(3600 * LAB_SECOND, 64 << 20, WORKERS);
  for (unsigned i = 0; i < WORKERS; i++)
    assert_int_equal(pthread_create(&threads[i], NULL, do_jobs, &index[i]), 0);
  unsigned most = 0;
  while (most < WORKERS * JOBS) { /* cuts, while jobs end */
    walker w = take_cut();
    lab_flight_record e;
    unsigned n = 0;
    while (read_any(&w, &e))
      n += e.kind == FLIGHT_JOB;
    assert_true(n >= most);
    most = n;
    lab_flight_cut_free(&w.cut);
  }
  for (unsigned i = 0; i < WORKERS; i++)
    pthread_join(threads[i], NULL);
  walker w = take_cut();
  lab_flight_record e;
  while (read_any(&w, &e)) {
    assert_int_equal(e.kind, FLIGHT_JOB);
    unsigned i = (unsigned)e.args[0];
    assert_true(i < WORKERS && e.args[3] == 1 + i);
    assert_true(e.now - e.args[1] - e.args[2] >= ended[i]);
    ended[i] = e.now - e.args[1];
    seen[i]++;
  }
  assert_int_equal(seen[0], JOBS);
  assert_int_equal(seen[1], JOBS);
  assert_false(w.cut.jobs[0].busy || w.cut.jobs[1].busy);
  lab_flight_cut_free(&w.cut);
  lab_flight_close();
  lab_flight_job_end(0, 1); /* too late */
}

/* ---- stacks -------------------------------------------------------------- */

static uint32_t kept;

static void note_stack(uint32_t stack) {
  kept |= 1u << stack;
}

static void test_stacks(void **state) {
  (void)state;
  open_ring(LAB_SECOND);
  kept = 0;
  begin_one(1);
  lab_flight_start(1, ++now);
  lab_flight_region(1, 1, "r", true, 2, ++now);
  lab_flight_block(1, LAB_TRACE_SYNC, 3, ++now);
  lab_flight_unblock(1, 4, 0, LAB_TRACE_SYNC, 3, now - 1, now + 1);
  lab_flight_job_begin(0, "copy", 5, ++now);
  lab_flight_job_begin(1, "copy", 6, ++now);
  lab_flight_job_end(1, ++now);
  lab_flight_each_stack(note_stack);
  assert_int_equal(kept, 1u << ENTRY | 1u << 2 | 1u << 3 | 1u << 4 | 1u << 5 |
                             1u << 6);
  lab_flight_close();
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_request),
      cmocka_unit_test(test_pending_start),
      cmocka_unit_test(test_border_of_chunks),
      cmocka_unit_test(test_time),
      cmocka_unit_test(test_stale_chunks),
      cmocka_unit_test(test_old_wait),
      cmocka_unit_test(test_jobs),
      cmocka_unit_test(test_stacks),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
