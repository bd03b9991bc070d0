/* SPDX-License-Identifier: MIT
 * The profiles of a trace: of a story whose times are known; and bytes that are
 * cut off or changed. */
#include "guard_page.h"

#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/rng.h"
#include "diagnosis/trace_profiles.h"
#include "pprof/decode.h"
#include "prof/attempt.h"
#include "trace/decode.h"
#include "trace/trace.h"
#include "trace/wire.h"

enum { MS = 1000 * 1000, START = 1000 * MS, ATTEMPT = 0x1234 };

/* Stacks of one frame: "f1", "f2"... */
static size_t name_stack(uint32_t stack, lab_trace_frame out[LAB_TRACE_DEPTH]) {
  static char names[16][8];
  snprintf(names[stack], sizeof names[stack], "f%u", stack);
  out[0] = (lab_trace_frame){names[stack], "/a/scenario.lua", (int)stack};
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

static lab_buf record_story(void) {
  lab_buf file = LAB_BUF_INIT, piece = LAB_BUF_INIT;
  lab_trace_config config = {.present = START, .start = 8, .wakeup = 8};
  lab_attempt_write(ATTEMPT, config.remark);
  assert_int_equal(lab_trace_open(&config), 0);
  tell_story();
  while (lab_trace_take(&piece, true) || lab_trace_tables(name_stack, &piece)) {
    lab_buf_append(&file, piece.data, piece.len);
    lab_buf_clear(&piece);
  }
  lab_trace_close();
  lab_buf_free(&piece);
  return file;
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
  assert_int_equal(p->types[1].type[0], 't'); /* time */
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
  lab_buf file = record_story();
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
  lab_buf file = record_story();
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
  lab_buf file = record_story();
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
      cmocka_unit_test(test_story), cmocka_unit_test(test_cut_off),
      cmocka_unit_test(test_changed), cmocka_unit_test(test_whys)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
