/* SPDX-License-Identifier: MIT
 * What the kernel says about this process, when the process has a name that
 * looks like fields of /proc/self/stat. */
#include <sys/prctl.h>

#include "base/process.h"
#include "guard_page.h"

/* Reads into memory that ends at an inaccessible page. */
static lab_process read_guarded(guard_page *g) {
  lab_process empty = {0};
  lab_process *p = (void *)guard_page_end(g, &empty, sizeof empty);
  lab_process_read(p);
  return *p;
}

static void a_name_can_not_forge_numbers(void **state) {
  static const char *const names[] = {
      "plain",          "",         ")",         ") R 1 2 3 4 5", "x) S (y",
      "))))))))))))))", "((((((((", "a b\tc\nd", "\xff\xfe) \x01"};
  guard_page g;
  (void)state;
  guard_page_open(&g, sizeof(lab_process));
  assert_int_equal(lab_process_open(), 0);
  const lab_process first = read_guarded(&g);
  assert_true(first.rss > 0 && first.virtual_bytes > first.rss);
  assert_true(first.threads > 0 && first.start_ns > 0);
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    assert_int_equal(prctl(PR_SET_NAME, names[i]), 0);
    const lab_process now = read_guarded(&g);
    assert_true(now.threads == first.threads);
    assert_true(now.virtual_bytes >= first.virtual_bytes / 2 &&
                now.virtual_bytes <= first.virtual_bytes * 2);
    assert_true(now.rss > 0 && now.rss < now.virtual_bytes);
    assert_true(now.start_ns == first.start_ns);
    assert_int_equal(now.fds, first.fds);
  }
  guard_page_close(&g);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_name_can_not_forge_numbers),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
