/* SPDX-License-Identifier: MIT
 * The profiles of a trace: of a story whose times are known; and bytes that are
 * cut off or changed. */
#include "guard_page.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/hash.h"
#include "base/rng.h"
#include "base/varint.h"
#include "diagnosis/trace_profiles.h"
#include "pprof/decode.h"
#include "prof/attempt.h"
#include "trace/decode.h"
#include "trace/replay.h"
#include "trace/trace.h"
#include "trace/user.h"
#include "trace/wire.h"

enum { MS = 1000 * 1000, START = 1000 * MS, ATTEMPT = 0x1234 };

enum { HANDLER = 12 };

/* Stacks of one frame: "f1", "f2"..., but for HANDLER. */
static size_t name_stack(uint32_t stack, lab_trace_frame out[LAB_TRACE_DEPTH]) {
  static char names[16][8];
  snprintf(names[stack], sizeof names[stack], "f%u", stack);
  const char *name = stack == HANDLER ? "main.helloWorldHandler" : names[stack];
  out[0] = (lab_trace_frame){name, "/a/scenario.lua", (int)stack};
  return 1;
}

static uint64_t at(int ms) {
  return START + (uint64_t)ms * MS;
}

/* One that receives all the time; one that waits 7 ms for a lock, and sleeps at
 * the end; one that sends from 15 ms on. */
static void tell_story(void) {
  static lab_trace_g old = {.id = 1}, first = {.id = 2}, second = {.id = 3};
  lab_trace_go_create(&old, 9, 0, at(0));
  lab_trace_go_start(&old, at(0));
  lab_trace_go_block(&old, LAB_TRACE_RECEIVE, 10, at(0));
  lab_trace_start(0);
  lab_trace_go_create(&first, 1, 2, at(10));
  lab_trace_go_start(&first, at(11));
  lab_trace_go_create(&second, 7, 3, at(12));
  lab_trace_go_block(&first, LAB_TRACE_SYNC, 3, at(13));
  lab_trace_go_start(&second, at(14));
  lab_trace_go_block(&second, LAB_TRACE_SEND, 6, at(15));
  lab_trace_go_unblock(&first, 4, 0, at(20));
  lab_trace_go_start(&first, at(22));
  lab_trace_go_block(&first, LAB_TRACE_SLEEP, 5, at(23));
  lab_trace_set_present(at(30));
  lab_trace_seal(NULL);
}

static lab_buf record_story(void (*tell)(void)) {
  lab_buf file = LAB_BUF_INIT, piece = LAB_BUF_INIT;
  lab_trace_config config = {.present = START, .start = 8, .wakeup = 8};
  lab_attempt_write(ATTEMPT, config.remark);
  assert_int_equal(lab_trace_open(&config), 0);
  tell();
  while (lab_trace_take(&piece, true) || lab_trace_tables(name_stack, &piece)) {
    lab_buf_append(&file, piece.data, piece.len);
    lab_buf_clear(&piece);
  }
  lab_trace_close();
  lab_buf_free(&piece);
  return file;
}

/* A request before the visit begins at 15 ms, and one after it; the second one
 * asks a server within the program. */
static void tell_of_visits(void) {
  static lab_trace_g first = {.id = 1}, second = {.id = 2}, third = {.id = 3};
  lab_trace_start(0);
  lab_trace_go_create(&first, HANDLER, 0, at(10));
  lab_trace_go_start(&first, at(10));
  lab_trace_region_begin("request", 0, at(10));
  lab_trace_go_block(&first, LAB_TRACE_SYNC, 3, at(13));
  lab_trace_set_present(at(15));
  lab_trace_log(0, "diaglab", LAB_TRACE_VISIT, strlen(LAB_TRACE_VISIT), 0);
  lab_trace_go_unblock(&first, 4, 0, at(20));
  lab_trace_go_start(&first, at(22));
  lab_trace_go_end(&first, at(23));
  lab_trace_go_create(&second, HANDLER, 0, at(24));
  lab_trace_go_start(&second, at(24));
  lab_trace_region_begin("request", 0, at(24));
  lab_trace_go_block(&second, LAB_TRACE_SEND, 6, at(25));
  lab_trace_go_create(&third, 1, 0, at(25));
  lab_trace_go_start(&third, at(25));
  lab_trace_region_begin("request", 0, at(25));
  lab_trace_go_end(&third, at(26));
  lab_trace_set_present(at(30));
  lab_trace_seal(NULL);
}

/* ---- what the profiles say ----------------------------------------------- */

static lab_pprof *decode_profile(const lab_buf *bytes) {
  lab_pprof *p;
  lab_err err;
  assert_int_equal(lab_pprof_decode(&p, bytes->data, bytes->len, NULL, &err),
                   0);
  return p;
}

static const char *leaf_of(const lab_pprof *p, const lab_pprof_sample *s) {
  const lab_pprof_location *l = &p->locations[s->locations[0]];
  return p->functions[l->lines[0].function].name;
}

static bool has_state(const lab_pprof_sample *s, const char *state) {
  for (uint32_t i = 0; i < s->nlabels; i++)
    if (strcmp(s->labels[i].key, "state") == 0 &&
        strcmp(s->labels[i].str, state) == 0)
      return true;
  return false;
}

/* The sum of the last values at LEAF; STATE NULL: in any state. */
static int64_t sum_at(const lab_pprof *p, const char *leaf, const char *state) {
  int64_t sum = 0;
  for (size_t i = 0; i < p->nsamples; i++) {
    const lab_pprof_sample *s = &p->samples[i];
    if (strcmp(leaf_of(p, s), leaf) == 0 && (!state || has_state(s, state)))
      sum += s->values[p->ntypes - 1];
  }
  return sum;
}

static void check_wall(const lab_buf *bytes) {
  lab_pprof *p = decode_profile(bytes);
  assert_int_equal(sum_at(p, "f1", "running"), 3 * MS);
  assert_int_equal(sum_at(p, "f1", "runnable"), 1 * MS);
  assert_int_equal(sum_at(p, "f3", "sync.Mutex.Lock"), 7 * MS);
  assert_int_equal(sum_at(p, "f3", "pool wait"), 7 * MS);
  assert_int_equal(sum_at(p, "f3", "chan send"), 0);
  assert_int_equal(sum_at(p, "f3", "runnable"), 2 * MS);
  assert_int_equal(sum_at(p, "f5", "sleep"), 7 * MS);
  assert_int_equal(sum_at(p, "f6", "chan send"), 15 * MS);
  assert_int_equal(sum_at(p, "f7", "running"), 1 * MS);
  assert_int_equal(sum_at(p, "f7", "runnable"), 2 * MS);
  assert_int_equal(sum_at(p, "f10", "chan receive"), 30 * MS);
  assert_int_equal(sum_at(p, "f4", NULL), 0); /* it woke another one */
  assert_int_equal(p->ntypes, 1);             /* not sampled */
  lab_pprof_free(p);
}

static void check_block(const lab_buf *bytes) {
  lab_pprof *p = decode_profile(bytes);
  assert_int_equal(p->nsamples, 1);
  assert_string_equal(leaf_of(p, &p->samples[0]), "f3");
  assert_int_equal(p->samples[0].values[0], 1);
  assert_int_equal(p->samples[0].values[1], 7 * MS);
  lab_pprof_free(p);
}

static void check_goroutines(const lab_buf *bytes) {
  lab_pprof *p = decode_profile(bytes);
  assert_int_equal(p->nsamples, 2);
  assert_int_equal(sum_at(p, "f5", NULL), 1);
  assert_int_equal(sum_at(p, "f6", NULL), 1);
  lab_pprof_free(p);
}

static void test_story(void **state) {
  (void)state;
  lab_trace_profiles got;
  lab_trace_facts facts;
  lab_err err;
  lab_buf file = record_story(tell_story);
  assert_true(lab_trace_is_one(file.data, file.len));
  assert_int_equal(
      lab_trace_profiles_read(file.data, file.len, &facts, &got, &err), 0);
  assert_int_equal(facts.attempt, ATTEMPT);
  assert_int_equal(facts.ns, 30 * MS);
  check_wall(&got.wall);
  check_block(&got.block);
  check_goroutines(&got.goroutine);
  lab_trace_profiles_free(&got);
  lab_buf_free(&file);
}

static void test_visit(void **state) {
  (void)state;
  lab_trace_profiles got;
  lab_trace_facts facts;
  lab_err err;
  lab_buf file = record_story(tell_of_visits);
  assert_int_equal(
      lab_trace_profiles_read(file.data, file.len, &facts, &got, &err), 0);
  assert_int_equal(facts.ns, 15 * MS);
  assert_int_equal(facts.busy_ns, 6 * MS);
  assert_true(facts.requests == 1);
  lab_pprof *wall = decode_profile(&got.wall);
  assert_int_equal(sum_at(wall, "f3", "sync.Mutex.Lock"), 5 * MS);
  assert_int_equal(sum_at(wall, "f1", "running"), 1 * MS);
  assert_int_equal(sum_at(wall, "main.helloWorldHandler", "running"), 2 * MS);
  assert_int_equal(sum_at(wall, "f6", "chan send"), 5 * MS);
  lab_pprof_free(wall);
  lab_pprof *tasks = decode_profile(&got.goroutine);
  assert_int_equal(tasks->nsamples, 1);
  assert_int_equal(sum_at(tasks, "f6", NULL), 1);
  lab_pprof_free(tasks);
  lab_trace_profiles_free(&got);
  lab_buf_free(&file);
}

/* ---- bytes that are none ------------------------------------------------- */

static int read_guarded(guard_page *g, const void *bytes, size_t len) {
  lab_trace_profiles got;
  lab_trace_facts facts;
  lab_err err;
  int rc = lab_trace_profiles_read(guard_page_end(g, bytes, len), len, &facts,
                                   &got, &err);
  lab_trace_profiles_free(&got);
  return rc;
}

static void test_cut_off(void **state) {
  (void)state;
  guard_page g;
  lab_buf file = record_story(tell_story);
  guard_page_open(&g, file.len);
  unsigned whole = 0;
  for (size_t len = 0; len < file.len; len++)
    whole += read_guarded(&g, file.data, len) == 0;
  /* The tables are records, too: only between two of them nobody can tell. */
  assert_in_range(whole, 1, 40);
  assert_int_equal(read_guarded(&g, file.data, file.len), 0);
  guard_page_close(&g);
  lab_buf_free(&file);
}

static void test_changed(void **state) {
  (void)state;
  guard_page g;
  uint64_t rng = 1;
  lab_buf file = record_story(tell_story);
  char *copy = lab_xmemdup0(file.data, file.len);
  guard_page_open(&g, file.len);
  for (int i = 0; i < 5000; i++) {
    memcpy(copy, file.data, file.len);
    for (int k = i % 3; k >= 0; k--)
      copy[lab_rng_next(&rng) % file.len] = (char)lab_rng_next(&rng);
    read_guarded(&g, copy, file.len);
  }
  guard_page_close(&g);
  lab_xfree(copy);
  lab_buf_free(&file);
}

/* ---- bytes that were made to take long ------------------------------------
 */

static void put_number(lab_buf *out, uint64_t n) {
  uint8_t bytes[LAB_VARINT_MAX];
  lab_buf_append(out, bytes, (size_t)(lab_varint_put(bytes, n) - bytes));
}

static void put_numbers(lab_buf *out, int type, const uint64_t *n,
                        size_t count) {
  lab_buf rest = LAB_BUF_INIT;
  for (size_t i = 0; i < count; i++)
    put_number(&rest, n[i]);
  lab_buf_putc(out, (char)(type | 3 << 6));
  put_number(out, rest.len);
  lab_buf_append(out, rest.data, rest.len);
  lab_buf_free(&rest);
}

/* The file so far, up to where the goroutines begin. */
static lab_buf begin_file(void) {
  lab_buf file = LAB_BUF_INIT;
  lab_buf_append(&file, LAB_TRACE_HEADER, sizeof LAB_TRACE_HEADER);
  lab_buf_putc(&file, (char)(EV_BATCH | 1 << 6));
  put_number(&file, 0);
  put_number(&file, START);
  return file;
}

static void put_frequency(lab_buf *file) {
  lab_buf_putc(file, EV_FREQUENCY);
  put_number(file, 1000000000);
}

/* Reads FILE, and frees it; returns what reading it returned. */
static int read_in_time(lab_buf *file) {
  lab_trace_profiles got;
  lab_trace_facts facts;
  lab_err err;
  uint64_t before = lab_clock_thread_cpu();
  int rc = lab_trace_profiles_read(file->data, file->len, &facts, &got, &err);
  assert_true(lab_clock_thread_cpu() - before < 3000ull * MS);
  if (rc == 0)
    lab_trace_profiles_free(&got);
  lab_buf_free(file);
  return rc;
}

/* One text of a megabyte is the name in all frames of all stacks. */
static void test_long_name(void **state) {
  (void)state;
  enum { LONG = 1 << 20, STACKS = 64 };
  lab_buf file = begin_file(), stack = LAB_BUF_INIT;
  for (uint64_t i = 1; i <= STACKS; i++) {
    put_numbers(&file, EV_GO_CREATE, (uint64_t[]){1, i, i, 0}, 4);
    put_numbers(&file, EV_GO_START, (uint64_t[]){1, i}, 2);
    put_numbers(&file, EV_GO_SCHED, (uint64_t[]){1, i}, 2);
  }
  put_frequency(&file);
  lab_buf_putc(&file, EV_STRING);
  put_number(&file, 1);
  put_number(&file, LONG);
  memset(lab_buf_reserve(&file, LONG), 'x', LONG);
  file.len += LONG;
  for (uint64_t i = 1; i <= STACKS; i++) {
    lab_buf_clear(&stack);
    put_number(&stack, i);
    put_number(&stack, LAB_TRACE_DEPTH);
    for (uint64_t k = 0; k < LAB_TRACE_DEPTH; k++) {
      put_number(&stack, 1);
      put_number(&stack, 1);
      put_number(&stack, 1);
      put_number(&stack, k);
    }
    lab_buf_putc(&file, (char)(EV_STACK | 3 << 6));
    put_number(&file, stack.len);
    lab_buf_append(&file, stack.data, stack.len);
  }
  lab_buf_free(&stack);
  assert_int_equal(read_in_time(&file), 0);
}

/* The number whose lab_hash_u64 is H. */
static uint64_t find_hashed(uint64_t h) {
  h ^= h >> 31 ^ h >> 62;
  h *= 0x319642b2d24d8ec3ull;
  h ^= h >> 27 ^ h >> 54;
  h *= 0x96de1b173f119089ull;
  return h ^ h >> 30 ^ h >> 60;
}

/* Numbers whose plain hashes begin in the same way cost nothing, as the hashes
 * that count have a key of the process. */
static void test_colliding_goroutines(void **state) {
  (void)state;
  lab_buf file = begin_file();
  assert_int_equal(lab_hash_u64(find_hashed(START)), START);
  for (uint64_t i = 0; i < 150000; i++)
    put_numbers(&file, EV_GO_CREATE,
                (uint64_t[]){1, find_hashed(77ull << 32 | i), 0, 0}, 4);
  put_frequency(&file);
  assert_int_equal(read_in_time(&file), 0);
}

static void test_whys(void **state) {
  (void)state;
  unsigned known = 0;
  for (int type = 0; type < 64; type++)
    known |=
        lab_trace_decode_why(type) >= 0 ? 1u << lab_trace_decode_why(type) : 0;
  assert_int_equal(known, (1u << LAB_TRACE_WHYS) - 1);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_story),
      cmocka_unit_test(test_visit),
      cmocka_unit_test(test_cut_off),
      cmocka_unit_test(test_changed),
      cmocka_unit_test(test_long_name),
      cmocka_unit_test(test_colliding_goroutines),
      cmocka_unit_test(test_whys)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
