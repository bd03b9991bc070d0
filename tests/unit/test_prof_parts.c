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
  const lab_label *pairs;
  assert_int_equal(lab_label_get(0, &pairs), 0);
  assert_labels(0, "{}");
  uint32_t a = lab_label_intern("cpu", "/"), b = lab_label_intern("cpu", "/b");
  assert_true(a != 0 && b != 0 && a != b);
  char copy[] = "cpu";
  assert_int_equal(lab_label_intern(copy, "/"), a);
  copy[0] = 'x';
  assert_int_equal(lab_label_get(b, &pairs), 2);
  assert_string_equal(pairs[0].key, "route");
  assert_string_equal(pairs[0].value, "/b");
  assert_string_equal(pairs[1].key, "step");
  assert_string_equal(pairs[1].value, "cpu");
  assert_int_equal(lab_label_get(1u << 30, &pairs), 0);
}

static void labels_are_added_and_replaced(void **state) {
  (void)state;
  uint32_t a = lab_label_intern("cpu", "/");
  uint32_t b = lab_label_with(a, "worker", "the \"a\"");
  assert_labels(
      b, "{\"route\":\"/\", \"step\":\"cpu\", \"worker\":\"the \\\"a\\\"\"}");
  uint32_t c = lab_label_with(b, "from", "x");
  assert_labels(lab_label_with(c, "step", "mine"),
                "{\"from\":\"x\", \"route\":\"/\", \"step\":\"mine\", "
                "\"worker\":\"the \\\"a\\\"\"}");
  /* The way to a set doesn't matter. */
  assert_int_equal(
      lab_label_with(lab_label_with(a, "from", "x"), "worker", "the \"a\""), c);
  assert_int_equal(lab_label_with(c, "from", "x"), c);
  /* Keys and values can't be exchanged, nor run together. */
  assert_true(lab_label_with(0, "k", "v") != lab_label_with(0, "v", "k"));
  assert_true(lab_label_with(0, "ab", "c") != lab_label_with(0, "a", "bc"));
}

static void a_set_has_room_for_so_many_keys(void **state) {
  (void)state;
  char key[16];
  const lab_label *pairs;
  uint32_t id = 0;
  for (int i = 0; i < LAB_LABEL_KEYS; i++) {
    snprintf(key, sizeof key, "key%d", i);
    id = lab_label_with(id, key, "v");
  }
  assert_int_equal(lab_label_get(id, &pairs), LAB_LABEL_KEYS);
  assert_int_equal(lab_label_with(id, "one more", "v"), id);
  assert_true(lab_label_with(id, "key0", "w") != id);
}

static void labels_have_a_limit(void **state) {
  (void)state;
  char text[32];
  uint32_t first = lab_label_intern("flood", "/0"), last = 0;
  for (int i = 0; i <= LAB_LABEL_LIMIT; i++) {
    snprintf(text, sizeof text, "%d", i);
    last = lab_label_with(first, "key", text);
  }
  assert_labels(last, "{\"key\":\"[other]\", \"route\":\"/0\", "
                      "\"step\":\"flood\"}");
  assert_int_equal(lab_label_with(first, "key", "newer"), last);
  /* Those of the lab itself, and what is [other] there, still have room. */
  uint32_t next = lab_label_intern("next", "/");
  assert_labels(next, "{\"route\":\"/\", \"step\":\"next\"}");
  assert_labels(lab_label_with(next, "key", "newer"),
                "{\"key\":\"[other]\", \"route\":\"/\", "
                "\"step\":\"next\"}");
  for (int i = 0; i <= LAB_LABEL_LIMIT; i++) {
    snprintf(text, sizeof text, "key%d", i);
    last = lab_label_with(first, text, "x");
  }
  assert_int_equal(last, first);
}

static void routes_have_a_limit(void **state) {
  (void)state;
  char text[32];
  uint32_t first = lab_label_intern("routes", "/0"), last = 0;
  for (int i = 0; i <= LAB_LABEL_LIMIT; i++) {
    snprintf(text, sizeof text, "/%d", i);
    last = lab_label_intern("routes", text);
  }
  assert_int_equal(lab_label_intern("routes", "/one more"), last);
  assert_int_equal(lab_label_intern("routes", "/0"), first);
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
      cmocka_unit_test(a_set_has_room_for_so_many_keys),
      cmocka_unit_test(labels_have_a_limit),
      cmocka_unit_test(routes_have_a_limit),
      cmocka_unit_test(a_ring_gives_back_what_it_got),
      cmocka_unit_test(a_full_ring_refuses),
      cmocka_unit_test(memstats_as_text),
      cmocka_unit_test(memstats_as_json),
      cmocka_unit_test(text_addresses),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
