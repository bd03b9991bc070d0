/* SPDX-License-Identifier: MIT
 * Collapsed stacks: what readers of such lines would trip over, values of
 * differences, labels. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "pprof/collapsed.h"
#include "pprof/query.h"
#include "pprof_message.h"

/* Functions: 1 "#a;b", 2 "c<newline>d", 3 "", 4 "#e", 5 "{f"; location 5 has
 * none. The values are count and bytes. */
#define PROFILE                                                                \
  "6'' 6'count' 6'one' 6'size' 6'bytes' 6'#a;b' 6'c\nd' 6'#e' 6'step' 6'x;y' " \
  "6'room' 6'{f' 1{1=1 2=2} 1{1=3 2=4} "                                       \
  "5{1=1 2=5} 5{1=2 2=6} 5{1=3 2=0} 5{1=4 2=7} 5{1=5 2=11} "                   \
  "4{1=1 4{1=1 2=10}} 4{1=2 4{1=2 2=20}} 4{1=3 4{1=3}} 4{1=4 4{1=4}} "         \
  "4{1=5 3=255} 4{1=6 4{1=1 2=11}} 4{1=7 4{1=5}} "

static void check_text(const char *samples, const char *type, const char *label,
                       const char *want) {
  char text[2048];
  snprintf(text, sizeof text, "%s%s", PROFILE, samples);
  lab_buf m = message_make(text), out = LAB_BUF_INIT;
  lab_pprof *p;
  lab_err err = {""};
  if (lab_pprof_decode(&p, m.data, m.len, NULL, &err))
    fail_msg("%s", err.text);
  lab_collapsed_write(p, lab_pprof_type_index(p, type), label, &out);
  lab_buf_putc(&out, '\0');
  assert_string_equal(out.data, want);
  lab_buf_free(&out);
  lab_buf_free(&m);
  lab_pprof_free(p);
}

static void names_are_put_right(void **state) {
  (void)state;
  check_text("2{1[2 1] 2[1 10]} 2{1[5 3 4] 2[2 0]}", NULL, NULL,
             "_a:b;c d 10\n");
  check_text("2{1[2 1] 2[1 10]} 2{1[5 3 4] 2[2 0]}", "count", NULL,
             "_a:b;c d 1\n_e;[unknown];0xff 2\n");
  check_text("2{1[4 1] 2[1 10]}", NULL, NULL, "_a:b;#e 10\n");
  check_text("2{1[7 7] 2[1 10]}", NULL, NULL, "_f;{f 10\n");
}

/* Perfetto refuses a text without a `;` in one of its first three lines. */
static void single_frames_come_last(void **state) {
  (void)state;
  static const char samples[] =
      "2{1[2] 2[1 1]} 2{1[2 2] 2[1 2]} 2{1[4] 2[1 3]} 2{1[4 2] 2[1 4]}";
  check_text(samples, NULL, NULL, "c d;c d 2\nc d;#e 4\nc d 1\n_e 3\n");
  check_text(samples, NULL, "room",
             "[no room];c d 1\n[no room];c d;c d 2\n[no room];#e 3\n"
             "[no room];c d;#e 4\n");
}

/* A file that was sent may have any bytes. */
static void names_are_made_valid(void **state) {
  static const char name[] = "6'' 6'n' 6'a\xff' 6'b\xc3' 6'\xc2\x9b'"
                             "1{1=1} 4{1=1 4{1=1}} 4{1=2 4{1=2}} "
                             "4{1=3 4{1=3}} 5{1=1 2=2} 5{1=2 2=3} 5{1=3 2=4} "
                             "2{1[3 2 1] 2=1 3{1=2 2=3}}";
  lab_buf m = message_make(name), out = LAB_BUF_INIT;
  lab_pprof *p;
  lab_err err = {""};
  (void)state;
  if (lab_pprof_decode(&p, m.data, m.len, NULL, &err))
    fail_msg("%s", err.text);
  lab_collapsed_write(p, 0, "a\xff", &out);
  lab_collapsed_write(p, 0, "\xc3\xbc\xc3", &out);
  lab_buf_putc(&out, '\0');
  assert_string_equal(out.data, "a\xef\xbf\xbd=b\xef\xbf\xbd;"
                                "a\xef\xbf\xbd;b\xef\xbf\xbd;  1\n"
                                "[no \xc3\xbc\xef\xbf\xbd];"
                                "a\xef\xbf\xbd;b\xef\xbf\xbd;  1\n");
  lab_buf_free(&out);
  lab_buf_free(&m);
  lab_pprof_free(p);
}

static void equal_stacks_are_one_line(void **state) {
  (void)state;
  check_text("2{1[2 1] 2[1 10]} 2{1[2] 2[1 1]} 2{1[2 6] 2[1 5]}", NULL, NULL,
             "_a:b;c d 15\nc d 1\n");
}

static void what_is_less_has_a_root(void **state) {
  (void)state;
  check_text("2{1[2 1] 2[1 10]} 2{1[2 1] 2[1 18446744073709551612]} "
             "2{1[2] 2[1 18446744073709551613]}",
             NULL, NULL, "_a:b;c d 10\n[less];#a:b;c d 4\n[less];c d 3\n");
  check_text("2{1[2] 2[1 9223372036854775807]} 2{1[2] 2[1 5]}", NULL, NULL,
             "c d 9223372036854775807\n");
}

static void labels_become_roots(void **state) {
  (void)state;
  static const char samples[] =
      "2{1[2] 2[1 10] 3{1=8 2=9}} 2{1[2] 2[1 5] 3{1=10 3=64 4=4}} "
      "2{1[2] 2[1 3] 3{1=8 2=1} 3{1=8 2=2}}";
  check_text(samples, NULL, NULL, "c d 18\n");
  check_text(samples, NULL, "step",
             "step=x:y;c d 10\n[no step];c d 5\nstep=count,one;c d 3\n");
  check_text(samples, NULL, "room", "[no room];c d 13\nroom=64bytes;c d 5\n");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(names_are_put_right),
      cmocka_unit_test(single_frames_come_last),
      cmocka_unit_test(names_are_made_valid),
      cmocka_unit_test(equal_stacks_are_one_line),
      cmocka_unit_test(what_is_less_has_a_root),
      cmocka_unit_test(labels_become_roots),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
