/* SPDX-License-Identifier: MIT
 * Of a long text a trace has the first part, and looks at no more of it: a
 * script's may be as long as its memory, and the recording's lock is held. */
#include "guard_page.h"

#include <stdbool.h>
#include <stdlib.h>

#include "trace/flight_chunk.h"
#include "trace/trace.h"

enum { LOG = 4096, NAME = 1024, CLAIMED = 1 << 30 };

static guard_page page;
static char bytes[LOG];

static uint64_t read_heap(void) {
  return 0;
}

static size_t name_stack(uint32_t stack, lab_trace_frame *out) {
  (void)stack;
  out[0] = (lab_trace_frame){"f", "/f.lua", 1};
  return 1;
}

static void begin_recording(lab_trace_g *g) {
  const lab_trace_config config = {
      .worker = 1, .start = 1, .wakeup = 1, .heap = read_heap};
  assert_int_equal(lab_trace_open(&config), 0);
  lab_trace_go_create(g, 1, 0, 0);
  lab_trace_start(0);
  lab_trace_go_start(g, 0);
}

/* All of the recording. */
static lab_buf end_recording(void) {
  lab_buf all = LAB_BUF_INIT, piece = LAB_BUF_INIT;
  lab_trace_seal(NULL);
  while (lab_trace_take(&piece, true) || lab_trace_tables(name_stack, &piece)) {
    lab_buf_append(&all, piece.data, piece.len);
    lab_buf_clear(&piece);
  }
  lab_trace_close();
  lab_buf_free(&piece);
  return all;
}

/* The first LEN bytes of `bytes` are there, and not the one after them. */
static void check_written(lab_buf *all, size_t len) {
  assert_non_null(memmem(all->data, all->len, bytes, len));
  assert_null(memmem(all->data, all->len, bytes, len + 1));
  lab_buf_free(all);
}

/* An x, then letters of two bytes: a cut at an even place breaks one. */
static void fill_bytes(void) {
  bytes[0] = 'x';
  for (size_t i = 1; i < sizeof bytes; i++)
    bytes[i] = i % 2 ? '\xc3' : '\xa4';
}

static void test_log(void **state) {
  (void)state;
  lab_trace_g g = {.id = 1, .task = 1};
  begin_recording(&g);
  lab_trace_log(0, "log", guard_page_end(&page, bytes, LOG), CLAIMED, 1);
  lab_buf all = end_recording();
  check_written(&all, LOG - 1);
}

static void test_invalid_log(void **state) {
  (void)state;
  lab_trace_g g = {.id = 1, .task = 1};
  begin_recording(&g);
  bytes[1] = '\xff';
  lab_trace_log(0, "log", guard_page_end(&page, bytes, LOG), CLAIMED, 1);
  lab_buf all = end_recording();
  assert_non_null(memmem(all.data, all.len, "x\xef\xbf\xbd", 4));
  lab_buf_free(&all);
}

static void test_name(void **state) {
  (void)state;
  lab_trace_g g = {.id = 1, .task = 1};
  begin_recording(&g);
  lab_trace_region_begin(guard_page_end(&page, bytes, NAME + 1), 1, 0);
  lab_buf all = end_recording();
  check_written(&all, NAME - 1);
}

static void test_flight(void **state) {
  (void)state;
  const char *text = guard_page_end(&page, bytes, LAB_FLIGHT_TEXT + 1);
  assert_int_equal(lab_flight_text_length(text), LAB_FLIGHT_TEXT - 1);
  assert_int_equal(lab_flight_text_length("short"), 5);
}

static int open_page(void **state) {
  (void)state;
  fill_bytes();
  guard_page_open(&page, LOG);
  return 0;
}

static int close_page(void **state) {
  (void)state;
  guard_page_close(&page);
  return 0;
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(test_log, open_page, close_page),
      cmocka_unit_test_setup_teardown(test_invalid_log, open_page, close_page),
      cmocka_unit_test_setup_teardown(test_name, open_page, close_page),
      cmocka_unit_test_setup_teardown(test_flight, open_page, close_page),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
