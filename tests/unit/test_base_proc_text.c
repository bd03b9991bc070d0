/* SPDX-License-Identifier: MIT
 * Texts of /proc, next to an inaccessible page. */
#include <stdio.h>

#include "base/proc_text.h"
#include "guard_page.h"

static guard_page page;

static bool parse_map(const char *text, lab_proc_map *out) {
  return lab_proc_parse_map(guard_page_end_string(&page, text), out);
}

static void reads_lines_of_maps(void **state) {
  lab_proc_map m;
  (void)state;
  assert_true(parse_map("7f00-8f00 r-xp 00001000 fe:01 1234      "
                        "/usr/lib/a b.so (deleted)\n",
                        &m));
  assert_true(m.start == 0x7f00 && m.limit == 0x8f00 && m.offset == 0x1000);
  assert_true(m.executable && !m.writable);
  assert_string_equal(m.path, "/usr/lib/a b.so (deleted)");
  assert_true(parse_map("7f00-8f00 rw-p 00000000 00:00 0 \n", &m));
  assert_true(!m.executable && m.writable);
  assert_string_equal(m.path, "");
  assert_true(parse_map("7ffd-7fff r-xp 00000000 00:00 0      [vdso]", &m));
  assert_string_equal(m.path, "[vdso]");
  assert_true(parse_map("ffffffffff600000-ffffffffff601000 --xp 00000000 "
                        "00:00 0                  [vsyscall]\n",
                        &m));
  assert_true(m.start == 0xffffffffff600000);
}

static void refuses_other_lines(void **state) {
  static const char *const lines[] = {
      "",
      "\n",
      "7f00",
      "7f00-",
      "7f00-8f00",
      "7f00-8f00 r-xp",
      "7f00-8f00 r-xp 00001000",
      "7f00-8f00 r-xp 00001000 fe:01",
      "7f00-8f00 r-x 00001000 fe:01 1234 /a",
      "7f00-8f00 r-xpp 00001000 fe:01 1234 /a",
      "8f00-7f00 r-xp 00001000 fe:01 1234 /a", /* ends before it begins */
      "7f00-7f00 r-xp 00001000 fe:01 1234 /a",
      "-7f00-8f00 r-xp 00001000 fe:01 1234 /a",
      "0x7f00-8f00 r-xp 00001000 fe:01 1234 /a",
      " 7f00-8f00 r-xp 00001000 fe:01 1234 /a",
      "7f00-10000000000000000 r-xp 00001000 fe:01 1234 /a",
      "7f00-8f00 r-xp +1000 fe:01 1234 /a",
  };
  lab_proc_map m;
  (void)state;
  for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
    assert_false(parse_map(lines[i], &m));
}

#define NUMBERS " S 1 7 7 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 "

static void reads_stat(void **state) {
  static const char *const names[] = {"(a)", "() S 1 2)", "(a) R 9 9 (",
                                      "(\n)"};
  lab_proc_stat s;
  char text[256];
  (void)state;
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    snprintf(text, sizeof text, "7 %s)" NUMBERS "3 0 55 4096 12 1 1", names[i]);
    assert_true(lab_proc_parse_stat(guard_page_end_string(&page, text), &s));
    assert_true(s.threads == 3 && s.start_ticks == 55 &&
                s.virtual_bytes == 4096 && s.rss_pages == 12 && s.state == 'S');
  }
}

static void refuses_other_stat(void **state) {
  static const char *const texts[] = {"",
                                      "7 (a",
                                      "7 (a)",
                                      "7 (a) S 1 2",
                                      "7 (a)" NUMBERS "3 0 55 4096 -12 1",
                                      "7 (a)" NUMBERS "-3 0 55 4096 12 1",
                                      "7 (a)" NUMBERS "3 0 55"};
  lab_proc_stat s = {1, 2, 3, 4, 'R'};
  (void)state;
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
    assert_false(
        lab_proc_parse_stat(guard_page_end_string(&page, texts[i]), &s));
  assert_true(s.threads == 1 && s.rss_pages == 4 && s.state == 'R');
}

static void reads_io(void **state) {
  lab_proc_io io = {1, 2, 3, 4};
  (void)state;
  assert_true(lab_proc_parse_io(
      guard_page_end_string(&page, "rchar: 10\nwchar: 20\nsyscr: 30\n"
                                   "syscw: 40\nread_bytes: 50\n"),
      &io));
  assert_true(io.read_bytes == 10 && io.written_bytes == 20 && io.reads == 30 &&
              io.writes == 40);
}

static void refuses_other_io(void **state) {
  static const char *const texts[] = {
      "", "rchar: 1\nwchar: 2\nsyscr: 3\n",
      "rchar: 1\nwchar: 2\nsyscr: 3\nsyscw: -4\n",
      "rchar: 1\nwchar: 2\nsyscr: 3\nsyscw: x\n",
      "wchar: 1\nrchar: 2\nsyscr: 3\nsyscw: 4\n"};
  lab_proc_io io = {1, 2, 3, 4};
  (void)state;
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
    assert_false(
        lab_proc_parse_io(guard_page_end_string(&page, texts[i]), &io));
  assert_true(io.read_bytes == 1 && io.writes == 4); /* as it was */
}

static int open_page(void **state) {
  (void)state;
  guard_page_open(&page, 4096);
  return 0;
}

static int close_page(void **state) {
  (void)state;
  guard_page_close(&page);
  return 0;
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(reads_lines_of_maps),
      cmocka_unit_test(refuses_other_lines),
      cmocka_unit_test(reads_stat),
      cmocka_unit_test(refuses_other_stat),
      cmocka_unit_test(reads_io),
      cmocka_unit_test(refuses_other_io),
  };
  return cmocka_run_group_tests(tests, open_page, close_page);
}
