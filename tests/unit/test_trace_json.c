/* SPDX-License-Identifier: MIT
 * A recording as JSON: what is in it is in the text, and nothing else. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "trace/json.h"
#include "trace/trace.h"

enum { ENTRY = 1, NETWORK, RUNS, STACKS, MS = 1000000 };

static uint64_t read_heap(void) {
  return 0;
}

static size_t name_stack(uint32_t stack, lab_trace_frame *out) {
  static const char *const names[STACKS] = {"?", "f.entry", "[network]",
                                            "f.runs"};
  out[0] = (lab_trace_frame){names[stack % STACKS], "/f.lua", 1};
  return 1;
}

/* Of the past, so that the times are known: its present is to be set. */
static void begin_recording(lab_trace_g *g, uint64_t present) {
  const lab_trace_config config = {.worker = ENTRY,
                                   .start = ENTRY,
                                   .wakeup = ENTRY,
                                   .present = present,
                                   .heap = read_heap};
  assert_int_equal(lab_trace_open(&config), 0);
  lab_trace_go_create(g, ENTRY, 0, present);
  lab_trace_start(0);
  lab_trace_go_start(g, present);
}

/* 0-terminated. */
static lab_buf end_recording(void) {
  lab_trace_json *json = lab_trace_json_new(name_stack);
  lab_buf text = LAB_BUF_INIT, piece = LAB_BUF_INIT;
  lab_trace_seal(NULL);
  while (lab_trace_take(&piece, true)) {
    lab_trace_json_add(json, piece.data, piece.len, &text);
    lab_buf_clear(&piece);
  }
  lab_trace_json_end(json, &text);
  lab_trace_json_free(json);
  lab_trace_close();
  lab_buf_free(&piece);
  lab_buf_append(&text, "", 1);
  return text;
}

/* The events that begin like HEAD and have PART. Adds up their durations, in
 * microseconds. */
static unsigned count_events(const lab_buf *text, const char *head,
                             const char *part, double *total) {
  unsigned n = 0;
  for (const char *at = text->data; (at = strstr(at, head)); at++) {
    const char *end = strchr(at, '\n');
    size_t len = end ? (size_t)(end - at) : strlen(at);
    if (!memmem(at, len, part, strlen(part)))
      continue;
    const char *dur = memmem(at, len, "\"dur\":", 6);
    *total += dur ? strtod(dur + 6, NULL) : 0;
    n++;
  }
  return n;
}

/* A script's region may be called as the lab's own, which isn't shown. */
static void test_region_called_request(void **state) {
  (void)state;
  static const char named[] = "\"name\":\"request\"";
  lab_trace_g g = {.id = 1, .task = 1};
  double total = 0;
  begin_recording(&g, MS);
  lab_trace_region_begin("request", NETWORK, 0);
  lab_trace_region_begin("request", RUNS, 0);
  lab_trace_region_begin("request", RUNS, 0);
  lab_trace_region_end("request", RUNS, 0);
  lab_trace_region_end("request", RUNS, 0);
  lab_trace_region_begin("request", RUNS, 0);
  lab_trace_region_end("request", RUNS, 0);
  lab_trace_go_end(&g, 0);
  lab_buf text = end_recording();
  assert_int_equal(count_events(&text, "\"ph\":\"B\"", named, &total), 3);
  assert_int_equal(count_events(&text, "\"ph\":\"E\"", named, &total), 3);
  lab_buf_free(&text);
}

/* Between the steps of a cycle the collector does nothing. */
static void test_collection_in_steps(void **state) {
  (void)state;
  enum { STEPS = 5 };
  lab_trace_g g = {.id = 1};
  uint64_t now = MS;
  double total = 0;
  begin_recording(&g, now);
  for (unsigned i = 1; i <= STEPS; i++) {
    lab_trace_set_present(now += 100 * MS);
    lab_trace_gc_begin(RUNS);
    lab_trace_set_present(now += MS);
    lab_trace_gc_end(i == STEPS, 1);
  }
  lab_trace_set_present(now += 100 * MS);
  lab_trace_go_end(&g, 0);
  lab_buf text = end_recording();
  assert_int_equal(
      count_events(&text, "\"ph\":\"X\"", "\"name\":\"[lua gc]\"", &total),
      STEPS);
  assert_true(total > 1000 * STEPS - 1 && total < 1000 * STEPS + 1);
  lab_buf_free(&text);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_region_called_request),
      cmocka_unit_test(test_collection_in_steps),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
