/* SPDX-License-Identifier: MIT
 * The small parts of src/prof, each by itself: table of keys, labels, ring,
 * MemStats in Go's two forms, addresses of text forms. */
#include "prof_fixture.h"

#include "prof/cpu_ring.h"
#include "prof/export.h"
#include "prof/keymap.h"
#include "prof/label.h"
#include "prof/memstats_format.h"

static void keys_get_numbers_in_order(void **state) {
  (void)state;
  lab_keymap m = {0};
  for (uint64_t round = 0; round < 2; round++)
    for (uint64_t i = 0; i < 10000; i++)
      assert_int_equal(lab_keymap_add(&m, (lab_key){i % 7, i, i / 3}), i);
  assert_int_equal(m.count, 10000);
  assert_int_equal(m.keys[9999].b, 9999);
  assert_true(lab_keymap_bytes(&m) >= 10000 * sizeof(lab_key));
  /* The three numbers can't be exchanged. */
  lab_keymap_add(&m, (lab_key){1, 2, 30000});
  assert_int_equal(lab_keymap_add(&m, (lab_key){2, 1, 30000}), 10001);
  lab_keymap_free(&m);
  assert_int_equal(lab_keymap_add(&m, (lab_key){0, 0, 0}), 0);
  lab_keymap_free(&m);
}

/* What lab_label_write makes of a set. */
static void assert_labels(uint32_t id, const char *want) {
  lab_buf b = LAB_BUF_INIT;
  lab_label_write(id, &b);
  lab_buf_putc(&b, '\0');
  assert_string_equal(b.data, want);
  lab_buf_free(&b);
}

static void labels_are_interned(void **state) {
  (void)state;
  lab_label pairs[LAB_LABEL_KEYS];
  lab_buf text = LAB_BUF_INIT;
  assert_int_equal(lab_label_get(0, pairs, &text), 0);
  assert_labels(0, "{}");
  uint32_t a = lab_label_intern(0, "cpu", "/"),
           b = lab_label_intern(0, "cpu", "/b");
  assert_true(a != 0 && b != 0 && a != b);
  char copy[] = "cpu";
  assert_int_equal(lab_label_intern(0, copy, "/"), a);
  copy[0] = 'x';
  assert_int_equal(lab_label_get(b, pairs, &text), 2);
  assert_string_equal(pairs[0].key, "route");
  assert_string_equal(pairs[0].value, "/b");
  assert_string_equal(pairs[1].key, "step");
  assert_string_equal(pairs[1].value, "cpu");
  assert_int_equal(lab_label_get(1u << 30, pairs, &text), 0);
  lab_buf_free(&text);
}

static void labels_are_added_and_replaced(void **state) {
  (void)state;
  uint32_t a = lab_label_intern(0, "cpu", "/");
  uint32_t b = lab_label_with(0, a, "worker", "the \"a\"");
  assert_labels(
      b, "{\"route\":\"/\", \"step\":\"cpu\", \"worker\":\"the \\\"a\\\"\"}");
  uint32_t c = lab_label_with(0, b, "from", "x");
  assert_labels(lab_label_with(0, c, "step", "mine"),
                "{\"from\":\"x\", \"route\":\"/\", \"step\":\"mine\", "
                "\"worker\":\"the \\\"a\\\"\"}");
  /* The way to a set doesn't matter. */
  assert_int_equal(lab_label_with(0, lab_label_with(0, a, "from", "x"),
                                  "worker", "the \"a\""),
                   c);
  assert_int_equal(lab_label_with(0, c, "from", "x"), c);
  /* Keys and values can't be exchanged, nor run together. */
  assert_true(lab_label_with(0, 0, "k", "v") != lab_label_with(0, 0, "v", "k"));
  assert_true(lab_label_with(0, 0, "ab", "c") !=
              lab_label_with(0, 0, "a", "bc"));
}

static void the_lab_has_labels_of_its_own(void **state) {
  (void)state;
  assert_true(lab_label_is_own("step") && lab_label_is_own("route"));
  assert_true(lab_label_is_own("state") && lab_label_is_own("bytes"));
  assert_false(lab_label_is_own("State") || lab_label_is_own("byte"));
}

static void a_set_has_room_for_so_many_keys(void **state) {
  (void)state;
  char key[16];
  lab_label pairs[LAB_LABEL_KEYS];
  lab_buf text = LAB_BUF_INIT;
  uint32_t id = 0;
  for (int i = 0; i < LAB_LABEL_KEYS; i++) {
    snprintf(key, sizeof key, "key%d", i);
    id = lab_label_with(0, id, key, "v");
  }
  assert_int_equal(lab_label_get(id, pairs, &text), LAB_LABEL_KEYS);
  lab_buf_free(&text);
  assert_int_equal(lab_label_with(0, id, "one more", "v"), LAB_LABEL_FULL);
  assert_true(lab_label_with(0, id, "key0", "w") != id);
}

static uint32_t flood_labels(uint32_t generation, uint32_t base, int from,
                             int n) {
  char text[32];
  uint32_t last = 0;
  for (int i = from; i < from + n; i++) {
    snprintf(text, sizeof text, "%d", i);
    last = lab_label_with(generation, base, "key", text);
  }
  return last;
}

/* A visit that uses up its room hurts itself only. */
static void a_visit_has_a_limit_of_labels(void **state) {
  (void)state;
  char text[32];
  lab_label_mark(1);
  uint32_t first = lab_label_intern(1, "flood", "/0");
  uint32_t last = flood_labels(1, first, 0, 2 * LAB_LABEL_LIMIT);
  assert_labels(last, "{\"key\":\"[other]\", \"route\":\"/0\", "
                      "\"step\":\"flood\"}");
  assert_int_equal(lab_label_with(1, first, "key", "newer"), last);
  uint32_t next = lab_label_intern(2, "next", "/");
  assert_labels(next, "{\"route\":\"/\", \"step\":\"next\"}");
  assert_labels(lab_label_with(2, next, "key", "newer"),
                "{\"key\":\"newer\", \"route\":\"/\", \"step\":\"next\"}");
  lab_label_mark(2);
  flood_labels(1, first, 0, 4 * LAB_LABEL_LIMIT); /* by a task that is late */
  assert_labels(lab_label_with(2, next, "key", "newest"),
                "{\"key\":\"newest\", \"route\":\"/\", "
                "\"step\":\"next\"}");
  for (int i = 0; i <= LAB_LABEL_LIMIT; i++) {
    snprintf(text, sizeof text, "key%d", i);
    last = lab_label_with(1, first, text, "x");
  }
  assert_int_equal(last, first);
}

/* Those of the last visit are still there, and what somebody keeps. */
static void labels_of_left_visits_are_given_back(void **state) {
  (void)state;
  lab_label_mark(10);
  uint32_t base = lab_label_intern(10, "old", "/");
  uint32_t last = flood_labels(10, base, 0, LAB_LABEL_LIMIT);
  uint32_t kept = flood_labels(10, base, 7, 1);
  assert_int_equal(lab_label_base(kept), base);
  lab_label_mark(0);
  lab_label_mark(11);
  assert_labels(last, "{\"key\":\"9999\", \"route\":\"/\", "
                      "\"step\":\"old\"}");
  lab_label_keep(kept);
  lab_label_mark(12);
  const char *gone = "{\"route\":\"[other]\", \"step\":\"[other]\"}";
  assert_labels(last, gone);
  assert_labels(kept, "{\"key\":\"7\", \"route\":\"/\", "
                      "\"step\":\"old\"}");
  assert_labels(base, "{\"route\":\"/\", \"step\":\"old\"}");
  uint32_t again = flood_labels(12, base, 9999, 1);
  assert_true(again > last);
  assert_labels(last, gone);
  assert_labels(again, "{\"key\":\"9999\", \"route\":\"/\", "
                       "\"step\":\"old\"}");
}

static void routes_have_a_limit(void **state) {
  (void)state;
  char text[32];
  uint32_t first = lab_label_intern(20, "routes", "/0"), last = 0;
  for (int i = 0; i <= LAB_LABEL_ROUTES; i++) {
    snprintf(text, sizeof text, "/%d", i);
    last = lab_label_intern(20, "routes", text);
  }
  assert_int_equal(lab_label_intern(20, "routes", "/one more"), last);
  assert_labels(last, "{\"route\":\"[other]\", \"step\":\"routes\"}");
  assert_int_equal(lab_label_intern(20, "routes", "/0"), first);
  assert_labels(lab_label_intern(21, "next", "/"),
                "{\"route\":\"/\", \"step\":\"next\"}");
}

/* Records of all sizes, often enough to wrap around. */
static void a_ring_gives_back_what_it_got(void **state) {
  (void)state;
  lab_cpu_ring *ring = lab_cpu_ring_new(256);
  lab_frame in[LAB_UNWIND_MAX], out[LAB_UNWIND_MAX];
  lab_cpu_record got;
  for (int i = 0; i < LAB_UNWIND_MAX; i++)
    in[i] = UINT64_MAX - (unsigned)i;
  assert_false(lab_cpu_ring_pop(ring, &got, out));
  for (unsigned i = 0; i < 2000; i++) {
    lab_cpu_record put = {.weight = UINT32_MAX - i,
                          .base = i * 7,
                          .label = UINT32_MAX,
                          .n = (uint16_t)(i % (LAB_UNWIND_MAX + 1)),
                          .when = UINT64_MAX - i,
                          .proc = (int16_t)(i - 1),
                          .deferred = i % 2};
    assert_true(lab_cpu_ring_push(ring, &put, in));
    assert_true(lab_cpu_ring_pop(ring, &got, out));
    assert_int_equal(got.weight, put.weight);
    assert_int_equal(got.base, put.base);
    assert_int_equal(got.label, put.label);
    assert_int_equal(got.n, put.n);
    assert_int_equal(got.deferred, put.deferred);
    assert_int_equal(got.when, put.when);
    assert_int_equal(got.proc, put.proc);
    assert_memory_equal(out, in, got.n * sizeof *in);
  }
  lab_cpu_ring_free(ring);
}

static void a_full_ring_refuses(void **state) {
  (void)state;
  lab_cpu_ring *ring = lab_cpu_ring_new(64);
  lab_frame frames[LAB_UNWIND_MAX] = {1};
  lab_cpu_record record = {.weight = 1, .n = 1}, got;
  for (int i = 0; i < 16; i++) /* four words each */
    assert_true(lab_cpu_ring_push(ring, &record, frames));
  assert_false(lab_cpu_ring_push(ring, &record, frames));
  assert_true(lab_cpu_ring_pop(ring, &got, frames));
  assert_true(lab_cpu_ring_push(ring, &record, frames));
  lab_cpu_ring_free(ring);
}

static lab_memstats example(void) {
  lab_memstats s;
  memset(&s, 0, sizeof s);
  s.alloc = 1;
  s.stack_inuse = 2;
  s.stack_sys = 3;
  s.last_gc = UINT64_MAX;
  s.pause_ns[0] = 30025;
  s.num_gc = 10;
  s.gc_cpu_fraction = 0.00042764627909342286;
  s.enable_gc = true;
  s.by_size[60].size = 18432;
  s.by_size[60].mallocs = 5;
  s.max_rss = 4096;
  return s;
}

static void memstats_as_text(void **state) {
  (void)state;
  lab_memstats s = example();
  lab_buf b = LAB_BUF_INIT;
  lab_memstats_write_text(&s, &b);
  lab_buf_putc(&b, '\0');
  assert_memory_equal(b.data, "# runtime.MemStats\n# Alloc = 1\n", 31);
  assert_non_null(strstr(b.data, "\n# HeapObjects = 0\n# Stack = 2 / 3\n"
                                 "# MSpan = 0 / 0\n# MCache = 0 / 0\n"
                                 "# BuckHashSys = 0\n"));
  assert_non_null(strstr(b.data, "# LastGC = 18446744073709551615\n"
                                 "# PauseNs = [30025 0 0 "));
  assert_non_null(strstr(b.data, " 0]\n# NumGC = 10\n# NumForcedGC = 0\n"
                                 "# GCCPUFraction = 0.00042764627909342286\n"
                                 "# DebugGC = false\n# MaxRSS = 4096\n"));
  lab_buf_free(&b);
}

static void memstats_as_json(void **state) {
  (void)state;
  lab_memstats s = example();
  lab_buf b = LAB_BUF_INIT;
  lab_json j;
  lab_json_start(&j, &b);
  lab_memstats_add_json(&s, &j);
  lab_buf_putc(&b, '\0');
  assert_memory_equal(b.data, "{\"Alloc\":1,\"TotalAlloc\":0,", 26);
  assert_non_null(strstr(b.data, "\"StackInuse\":2,\"StackSys\":3,"));
  assert_non_null(strstr(b.data, "\"PauseTotalNs\":0,\"PauseNs\":[30025,0,"));
  assert_non_null(strstr(b.data,
                         "],\"NumGC\":10,\"NumForcedGC\":0,"
                         "\"GCCPUFraction\":0.00042764627909342286,"
                         "\"EnableGC\":true,\"DebugGC\":false,\"BySize\":["
                         "{\"Size\":0,\"Mallocs\":0,\"Frees\":0},"));
  const char *end = "{\"Size\":18432,\"Mallocs\":5,\"Frees\":0}]}";
  assert_string_equal(b.data + b.len - 1 - strlen(end), end);
  assert_null(strstr(b.data, "MaxRSS")); /* not a field of Go's struct */
  lab_buf_free(&b);
}

static void text_addresses(void **state) {
  (void)state;
  assert_int_equal(lab_text_address(1000, true), 1000);
  assert_int_equal(lab_text_address(1000, false), 999);
  lab_frame lua = lab_frame_script(5, 40);
  assert_true(lab_text_address(lua, true) == lua);
  assert_true(lab_text_address(lua, false) == lua);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(keys_get_numbers_in_order),
      cmocka_unit_test(labels_are_interned),
      cmocka_unit_test(labels_are_added_and_replaced),
      cmocka_unit_test(the_lab_has_labels_of_its_own),
      cmocka_unit_test(a_set_has_room_for_so_many_keys),
      cmocka_unit_test(a_visit_has_a_limit_of_labels),
      cmocka_unit_test(labels_of_left_visits_are_given_back),
      cmocka_unit_test(routes_have_a_limit),
      cmocka_unit_test(a_ring_gives_back_what_it_got),
      cmocka_unit_test(a_full_ring_refuses),
      cmocka_unit_test(memstats_as_text),
      cmocka_unit_test(memstats_as_json),
      cmocka_unit_test(text_addresses),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
