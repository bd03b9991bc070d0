/* SPDX-License-Identifier: MIT
 * The hash table: what was added is found, under equal and half-equal hashes,
 * while it grows, and by readers that take no lock. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdlib.h>

#include "base/hash.h"
#include "base/table.h"

/* The ids that a search for HASH gives: how many, and their sum. */
static size_t count_ids(const lab_table *t, uint64_t hash, uint64_t *sum) {
  size_t n = 0;
  *sum = 0;
  lab_table_walk walk = lab_table_find(t, hash);
  for (uint32_t id; (id = lab_table_next(&walk)); n++)
    *sum += id;
  return n;
}

static void an_empty_table_finds_nothing(void **state) {
  (void)state;
  uint64_t sum;
  lab_table t = {0};
  assert_int_equal(count_ids(&t, 0, &sum), 0);
  assert_int_equal(count_ids(&t, UINT64_MAX, &sum), 0);
  assert_int_equal(lab_table_bytes(&t), 0);
  lab_table_free(&t);
}

static void each_id_is_found_while_the_table_grows(void **state) {
  (void)state;
  enum { IDS = 5000 };
  uint64_t sum;
  lab_table t = {0};
  for (uint32_t id = 1; id <= IDS; id++) {
    lab_table_add(&t, lab_hash_u64(id), id);
    for (uint32_t old = id; old > 0; old /= 2) {
      assert_true(count_ids(&t, lab_hash_u64(old), &sum) >= 1);
      assert_true(sum >= old);
    }
    assert_int_equal(count_ids(&t, lab_hash_u64(id + IDS), &sum), 0);
  }
  assert_in_range(lab_table_bytes(&t), 16 * IDS, 40 * IDS);
  lab_table_free(&t);
  assert_int_equal(count_ids(&t, lab_hash_u64(1), &sum), 0);
  lab_table_add(&t, lab_hash_u64(1), 7);
  assert_int_equal(count_ids(&t, lab_hash_u64(1), &sum), 1);
  assert_int_equal(sum, 7);
  lab_table_free(&t);
}

/* Only the upper half of a hash is kept: all ids with that half come up, and
 * none of a hash that only begins at the same place. */
static void ids_of_one_hash_come_one_after_the_other(void **state) {
  (void)state;
  uint64_t sum;
  lab_table t = {0};
  const uint64_t hash = 0xffffffffull << 32; /* begins at the last slot */
  const uint64_t neighbour = hash ^ 1ull << 60;
  for (uint32_t id = 1; id <= 10; id++) {
    lab_table_add(&t, hash, id);
    lab_table_add(&t, hash + id, 100);
    lab_table_add(&t, neighbour, 1000);
  }
  assert_int_equal(count_ids(&t, hash, &sum), 20);
  assert_int_equal(sum, 55 + 10 * 100);
  assert_int_equal(count_ids(&t, neighbour, &sum), 10);
  assert_int_equal(sum, 10 * 1000);
  assert_int_equal(count_ids(&t, 0, &sum), 0);
  lab_table_free(&t);
}

static void the_largest_id_fits(void **state) {
  (void)state;
  uint64_t sum;
  lab_table t = {0};
  lab_table_add(&t, 0, UINT32_MAX);
  assert_int_equal(count_ids(&t, 0, &sum), 1);
  assert_int_equal(sum, UINT32_MAX);
  lab_table_free(&t);
}

/* ---- readers without a lock ---------------------------------------------- */

enum { READERS = 3, SHARED_IDS = 200000 };

static lab_table shared = {.shared = true};
static uint64_t things[SHARED_IDS + 1]; /* what the ids stand for */
static atomic_uint published;

static bool is_found(uint32_t wanted) {
  lab_table_walk walk = lab_table_find(&shared, lab_hash_u64(wanted));
  uint32_t id = lab_table_next(&walk);
  while (id && things[id] != wanted)
    id = lab_table_next(&walk);
  return id == wanted;
}

/* Counts the published ids that weren't found. */
static void *read_all(void *arg) {
  size_t *missed = arg;
  uint32_t i = 0;
  while (i < SHARED_IDS) {
    uint32_t until = atomic_load(&published);
    for (; i < until; i++)
      *missed += !is_found(i + 1) + !is_found(until);
  }
  return NULL;
}

static void readers_find_what_was_added_before(void **state) {
  (void)state;
  pthread_t threads[READERS];
  size_t missed[READERS] = {0};
  for (int i = 0; i < READERS; i++)
    pthread_create(&threads[i], NULL, read_all, &missed[i]);
  for (uint32_t id = 1; id <= SHARED_IDS; id++) {
    things[id] = id;
    lab_table_add(&shared, lab_hash_u64(id), id);
    atomic_store(&published, id);
  }
  for (int i = 0; i < READERS; i++) {
    pthread_join(threads[i], NULL);
    assert_int_equal(missed[i], 0);
  }
  lab_table_free(&shared);
  assert_int_equal(lab_table_bytes(&shared), 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(an_empty_table_finds_nothing),
      cmocka_unit_test(each_id_is_found_while_the_table_grows),
      cmocka_unit_test(ids_of_one_hash_come_one_after_the_other),
      cmocka_unit_test(the_largest_id_fits),
      cmocka_unit_test(readers_find_what_was_added_before),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
