/* SPDX-License-Identifier: MIT
 * The page's check of a repair, without a lab: what is made of what the process
 * says, and its end. This program is started again as that process, since a
 * check starts its own program: `play` is then what runs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/spawn.h"
#include "page/repair.h"

enum { SHORT_MS = 100, LONG_LINE = 200000, LONG_TEXT = 3000 };

/* ---- the process --------------------------------------------------------- */

static void print_lines(int n) {
  for (int i = 0; i < n; i++)
    printf("text line %d of a text that has no end\n", i);
}

static void print_letters(int n) {
  for (int i = 0; i < n; i++)
    putchar('x');
  putchar('\n');
}

static void hang(void) {
  for (;;)
    pause();
}

/* Words of the command: what the process is like, and the state behind it. It
 * allocates nothing: what is refused (torture/refuse.c) is the test's. */
static int play(char **argv) {
  static char buffer[BUFSIZ];
  const char *part = argv[1];
  lab_spawn_follow_parent();
  setvbuf(stdout, buffer, _IOLBF, sizeof buffer);
  if (strcmp(part, "verdict") == 0) {
    printf(
        "progress 40 your program\ntext 05-workers: %s %s\njson {\"v\": 1}\n",
        argv[2], argv[3]);
    fprintf(stderr, "diaglab repair: beside\n");
    return 1;
  }
  if (strcmp(part, "refused") == 0)
    fprintf(stderr, "diaglab repair: no\nTry 'diaglab repair --help'.\n");
  if (strcmp(part, "long line") == 0) {
    print_letters(LONG_LINE);
    puts("json {}");
  }
  if (strcmp(part, "long text") == 0) {
    print_lines(LONG_TEXT);
    puts("json {}");
  }
  if (strcmp(part, "signal") == 0)
    raise(SIGKILL); /* which no sanitizer catches */
  if (strcmp(part, "stubborn") == 0)
    signal(SIGTERM, SIG_IGN);
  if (strcmp(part, "hang") == 0 || strcmp(part, "stubborn") == 0) {
    puts("progress 20 hangs");
    hang();
  }
  return 2;
}

/* ---- the tests ----------------------------------------------------------- */

typedef struct fixture {
  uv_loop_t loop;
  lab_page_repair *repair;
  unsigned ended;
} fixture;

static void note_end(void *arg) {
  ((fixture *)arg)->ended++;
}

static void open_fixture(fixture *f, uint64_t timeout_ms) {
  memset(f, 0, sizeof *f);
  assert_int_equal(uv_loop_init(&f->loop), 0);
  f->repair = lab_page_repair_new(&(lab_page_repair_config){
      .loop = &f->loop, .timeout_ms = timeout_ms, .ended = note_end, .arg = f});
}

static void close_fixture(fixture *f) {
  uv_run(&f->loop, UV_RUN_DEFAULT);
  lab_page_repair_free(f->repair);
  assert_int_equal(uv_loop_close(&f->loop), 0);
}

static int begin_check(fixture *f, const char *part, const char *state) {
  char words[64];
  lab_err err;
  int n = snprintf(words, sizeof words, "play%c%s%c", '\0', part, '\0');
  return lab_page_repair_begin(f->repair, 5, (lab_http_str){words, (size_t)n},
                               state, &err);
}

static void expect_part(lab_buf *out, const char *part) {
  lab_buf_putc(out, '\0');
  if (!strstr(out->data, part))
    fail_msg("no %s in %s", part, out->data);
  lab_buf_free(out);
}

static void expect_text(fixture *f, const char *part) {
  lab_buf out = LAB_BUF_INIT;
  lab_page_repair_write_text(f->repair, &out);
  expect_part(&out, part);
}

static void expect_json(fixture *f, const char *part) {
  lab_buf out = LAB_BUF_INIT;
  lab_page_repair_write(f->repair, &out);
  expect_part(&out, part);
}

static void expect_outcome(const char *part, const char *text) {
  fixture f;
  open_fixture(&f, 0);
  assert_int_equal(begin_check(&f, part, NULL), 0);
  uv_run(&f.loop, UV_RUN_DEFAULT);
  assert_int_equal(f.ended, 1);
  expect_text(&f, text);
  close_fixture(&f);
}

static void test_verdict(void **state) {
  fixture f;
  (void)state;
  open_fixture(&f, 0);
  expect_text(&f, "no repair was checked yet");
  assert_int_equal(begin_check(&f, "verdict", "/s"), 0);
  assert_true(lab_page_repair_is_running(f.repair));
  assert_int_equal(begin_check(&f, "verdict", "/s"), -EBUSY);
  uv_run(&f.loop, UV_RUN_DEFAULT);
  assert_false(lab_page_repair_is_running(f.repair));
  expect_text(&f, "05-workers: --state /s\nbeside\n");
  expect_json(&f, "\"report\":{\"v\": 1},\"note\":\"beside\",\"text\":");
  lab_page_repair_forget(f.repair, 4);
  expect_json(&f, "\"begun\":true");
  lab_page_repair_forget(f.repair, 5);
  expect_json(&f, "\"begun\":false");
  close_fixture(&f);
}

static void test_no_verdict(void **state) {
  (void)state;
  expect_outcome("refused", "step 5: the check has no verdict: no\n");
  expect_outcome("silent", "has ended with exit code 2\n");
  expect_outcome("signal", "was ended by signal 9\n");
  expect_outcome("long line", "too long to be shown here");
  expect_outcome("long text", "too long to be shown here");
}

static void test_end(void **state) {
  static const char *const parts[] = {"hang", "stubborn"};
  (void)state;
  for (size_t i = 0; i < 2; i++) {
    fixture f;
    open_fixture(&f, 0);
    assert_int_equal(begin_check(&f, parts[i], NULL), 0);
    lab_page_repair_end(f.repair);
    uv_run(&f.loop, UV_RUN_DEFAULT);
    expect_text(&f, "it was ended before there was a verdict");
    close_fixture(&f);
  }
}

static void test_timeout(void **state) {
  fixture f;
  (void)state;
  open_fixture(&f, SHORT_MS);
  assert_int_equal(begin_check(&f, "hang", NULL), 0);
  uv_run(&f.loop, UV_RUN_DEFAULT);
  expect_text(&f, "it took too long, and was ended");
  close_fixture(&f);
}

/* The progress begins anew while a check is under way. */
static void test_forget(void **state) {
  fixture f;
  (void)state;
  open_fixture(&f, 0);
  assert_int_equal(begin_check(&f, "hang", NULL), 0);
  lab_page_repair_forget(f.repair, -1);
  uv_run(&f.loop, UV_RUN_DEFAULT);
  expect_json(&f, "\"begun\":false");
  assert_int_equal(begin_check(&f, "refused", NULL), 0);
  uv_run(&f.loop, UV_RUN_DEFAULT);
  expect_json(&f, "\"error\":\"no\"");
  close_fixture(&f);
}

int main(int argc, char **argv) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_verdict), cmocka_unit_test(test_no_verdict),
      cmocka_unit_test(test_end),     cmocka_unit_test(test_timeout),
      cmocka_unit_test(test_forget),
  };
  if (argc > 1 && strcmp(argv[0], "play") == 0) {
    int code = play(argv);
    fflush(stdout);
    _exit(code);
  }
  return cmocka_run_group_tests(tests, NULL, NULL);
}
