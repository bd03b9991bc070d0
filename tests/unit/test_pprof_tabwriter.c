/* SPDX-License-Identifier: MIT
 * Columns as Go's text/tabwriter makes them. The expected texts were written
 * by tabwriter.NewWriter(os.Stdout, 1, 8, 1, '\t', 0) of Go 1.19. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "pprof/tabwriter.h"

static const struct {
  const char *name, *text, *expected;
} cases[] = {
    {"heap text",
     "heap profile: 2: 4096 [3: 6144] @ heap/1048576\n"
     "1: 2048 [1: 2048] @ 0x10 0x20\n"
     "#\t0x10\tlab.random+0x1a\t/src/lab/random.c:41\n"
     "#\t0x2000000\tmain.helloWorldHandler+0x0\t/src/lab/app.lua:12\n"
     "#\t0x30\tm+0x1\t/a.lua:1\n"
     "\n"
     "1: 2048 [2: 4096] @ 0x40\n"
     "#\t0x40\tf+0x0\t/b.lua:3\n"
     "\n"
     "\n"
     "# runtime.MemStats\n"
     "# Alloc = 12\n",
     "heap profile: 2: 4096 [3: 6144] @ heap/1048576\n"
     "1: 2048 [1: 2048] @ 0x10 0x20\n"
     "#\t0x10\t\tlab.random+0x1a\t\t\t/src/lab/random.c:41\n"
     "#\t0x2000000\tmain.helloWorldHandler+0x0\t/src/lab/app.lua:12\n"
     "#\t0x30\t\tm+0x1\t\t\t\t/a.lua:1\n"
     "\n"
     "1: 2048 [2: 4096] @ 0x40\n"
     "#\t0x40\tf+0x0\t/b.lua:3\n"
     "\n"
     "\n"
     "# runtime.MemStats\n"
     "# Alloc = 12\n"},
    {"runs end",
     "a\tb\tc\n"
     "aaaaaaaa\tb\tc\n"
     "no tab\n"
     "a\tb\tc\n"
     "x\ty\n"
     "longer than eight\tb\tcolumn\n",
     "a\t\tb\tc\n"
     "aaaaaaaa\tb\tc\n"
     "no tab\n"
     "a\t\t\tb\tc\n"
     "x\t\t\ty\n"
     "longer than eight\tb\tcolumn\n"},
    {"ragged",
     "1\t2\t3\t4\n"
     "1\tsecond cell\n"
     "1\t2\tthird cell here\t4\n"
     "\tempty first\t\tx\n",
     "1\t2\t3\t4\n"
     "1\tsecond cell\n"
     "1\t2\t\tthird cell here\t4\n"
     "\tempty first\t\t\tx\n"},
    {"widths",
     "1234567\tx\n"
     "\n"
     "12345678\tx\n"
     "\n"
     "123456789012345\tx\n",
     "1234567\tx\n"
     "\n"
     "12345678\tx\n"
     "\n"
     "123456789012345\tx\n"},
    {"utf8",
     "ééééééé\tx\n"
     "\n"
     "漢字\tx\n"
     "1234567\tx\n",
     "ééééééé\tx\n"
     "\n"
     "漢字\tx\n"
     "1234567\tx\n"},
    {"open end",
     "a\tb\n"
     "c\td",
     "a\tb\n"
     "c\td"},
    {"open tab",
     "a\tb\n"
     "c\t",
     "a\tb\n"
     "c"},
    {"newlines",
     "\n"
     "\n"
     "\t\n",
     "\n"
     "\n"
     "\t\n"},
};

static void as_go_does(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    lab_buf out = LAB_BUF_INIT;
    lab_tabwriter_format(cases[i].text, strlen(cases[i].text), &out);
    lab_buf_putc(&out, '\0');
    print_message("%s\n", cases[i].name);
    assert_string_equal(out.data, cases[i].expected);
    lab_buf_free(&out);
  }
}

static void nothing_from_nothing(void **state) {
  (void)state;
  lab_buf out = LAB_BUF_INIT;
  lab_tabwriter_format(NULL, 0, &out);
  assert_int_equal(out.len, 0);
  lab_buf_free(&out);
}

static void appends(void **state) {
  (void)state;
  lab_buf out = LAB_BUF_INIT;
  lab_buf_puts(&out, "before\n");
  lab_tabwriter_format("a\tb", 3, &out);
  lab_buf_putc(&out, '\0');
  assert_string_equal(out.data, "before\na\tb");
  lab_buf_free(&out);
}

/* Nothing but the number of tabs differs from what went in. */
static void many_lines(void **state) {
  (void)state;
  lab_buf text = LAB_BUF_INIT, out = LAB_BUF_INIT, flat = LAB_BUF_INIT;
  for (int i = 0; i < 20000; i++)
    lab_buf_printf(&text, i % 37 ? "#\t0x%x\tf%d\tx\n" : "%d @ %x\n", i * i, i);
  lab_tabwriter_format(text.data, text.len, &out);
  assert_true(out.len > text.len);
  for (size_t i = 0; i < out.len; i++)
    if (out.data[i] != '\t' || out.data[i - 1] != '\t')
      lab_buf_putc(&flat, out.data[i]);
  assert_int_equal(flat.len, text.len);
  assert_memory_equal(flat.data, text.data, text.len);
  lab_buf_free(&text);
  lab_buf_free(&out);
  lab_buf_free(&flat);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(as_go_does),
      cmocka_unit_test(nothing_from_nothing),
      cmocka_unit_test(appends),
      cmocka_unit_test(many_lines),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
