/* SPDX-License-Identifier: MIT
 * The limits of cgroups, in folders that look like those of the kernel. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/cgroup.h"
#include "temp_name.h"

static char mount[TEMP_NAME];

static const char *const folders[] = {"a", "a/b", "a/b/c", "memory",
                                      "memory/x"};
static const char *const files[][2] = {
    {"a/b/memory.max", "5000000\n"},
    {"a/b/c/memory.max", "max\n"},
    {"a/memory.max", "7000000\n"},
    {"memory/memory.limit_in_bytes", "9223372036854771712\n"},
    {"memory/x/memory.limit_in_bytes", "4096000\n"},
};

/* With such a text in place of /proc/self/cgroup. */
static size_t limit_of(const char *cgroups, const char *folder) {
  char path[200];
  snprintf(path, sizeof path, "%s/cgroup", mount);
  FILE *f = fopen(path, "w");
  assert_non_null(f);
  fputs(cgroups, f);
  fclose(f);
  size_t limit = lab_cgroup_memory(path, folder);
  unlink(path);
  return limit;
}

static int make_files(void **state) {
  (void)state;
  char path[200];
  if (!mkdtemp(write_temp_name(mount, "cgroup")))
    return 1;
  for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
    snprintf(path, sizeof path, "%s/%s", mount, folders[i]);
    mkdir(path, 0700);
  }
  for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
    snprintf(path, sizeof path, "%s/%s", mount, files[i][0]);
    FILE *f = fopen(path, "w");
    if (!f)
      return 1;
    fputs(files[i][1], f);
    fclose(f);
  }
  return 0;
}

static int remove_files(void **state) {
  (void)state;
  char path[200];
  for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
    snprintf(path, sizeof path, "%s/%s", mount, files[i][0]);
    unlink(path);
  }
  for (size_t i = sizeof folders / sizeof *folders; i-- > 0;) {
    snprintf(path, sizeof path, "%s/%s", mount, folders[i]);
    rmdir(path);
  }
  return rmdir(mount);
}

static void reads_limits_of_all_around(void **state) {
  (void)state;
  assert_int_equal(limit_of("0::/a/b/c\n", mount), 5000000);
  assert_int_equal(limit_of("0::/a/b", mount), 5000000);
  assert_int_equal(limit_of("0::/a\n", mount), 7000000);
  assert_int_equal(limit_of("0::/a/not/there\n", mount), 7000000);
  assert_true(limit_of("0::/\n", mount) == SIZE_MAX);
}

static void reads_version_1(void **state) {
  (void)state;
  assert_int_equal(
      limit_of("12:cpu,memory:/x\n1:name=systemd:/a\n0::/\n", mount), 4096000);
  assert_true(limit_of("12:cpu,xmemory:/x\n", mount) == SIZE_MAX);
}

/* As in a container of Kubernetes, with its long names. */
static void reads_long_texts(void **state) {
  (void)state;
  char text[8192];
  size_t n = 0;
  for (int i = 20; i > 1; i--)
    n += (size_t)snprintf(text + n, sizeof text - n, "%d:name%d:/%0200d\n", i,
                          i, 0);
  assert_true(n > 4000);
  snprintf(text + n, sizeof text - n, "1:memory:/x\n");
  assert_int_equal(limit_of(text, mount), 4096000);
  snprintf(text + n, sizeof text - n, "0::/a/%03000d/%0900d", 0, 0);
  assert_int_equal(limit_of(text, mount), 7000000);
}

static void survives_other_texts(void **state) {
  (void)state;
  static const char *const texts[] = {
      "", "\n\n", "0", "0:", "0::", ":::", "a:b:c", "0::/../../../../..\n"};
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
    limit_of(texts[i], mount);
  assert_true(limit_of("0::/\n", "/not/there") == SIZE_MAX);
  assert_true(lab_cgroup_memory("/not/there", mount) == SIZE_MAX);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(reads_limits_of_all_around),
      cmocka_unit_test(reads_version_1),
      cmocka_unit_test(reads_long_texts),
      cmocka_unit_test(survives_other_texts),
  };
  return cmocka_run_group_tests(tests, make_files, remove_files);
}
