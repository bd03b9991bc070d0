/* SPDX-License-Identifier: MIT
 * The real reader: what `go tool pprof` makes of our profiles. Skipped where
 * there is no Go. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "pprof/encode.h"
#include "pprof/profile.h"
#include "temp_name.h"

static char path[TEMP_NAME];

static const lab_profile_type heap_types[] = {{"alloc_objects", "count"},
                                              {"alloc_space", "bytes"},
                                              {"inuse_objects", "count"},
                                              {"inuse_space", "bytes"}};
static const char *const comments[] = {"step 4", NULL};
static const lab_profile_config heap = {.types = heap_types,
                                        .ntypes = 4,
                                        .period_type = {"space", "bytes"},
                                        .period = 524288,
                                        .default_type = "alloc_space",
                                        .time_ns = 1531407824000000000,
                                        .duration_ns = 5000000000,
                                        .comments = comments};

/* Three frames: a native leaf, a Lua function, a Lua chunk. */
static void add_samples(lab_profile *p) {
  uint64_t map =
      lab_profile_mapping(p, 0x400000, 0x500000, 0, "/usr/bin/lab", "0123abcd");
  uint64_t leaf = lab_profile_function(p, "lab_random_read", "/src/r.c", 40);
  uint64_t lua = lab_profile_function(p, "main.allocate", "/src/4.lua", 10);
  uint64_t chunk =
      lab_profile_function(p, "<main step-4.lua>", "/src/4.lua", 0);
  uint64_t stack[] = {lab_profile_location(p, map, 0x401234, leaf, 44),
                      lab_profile_location(p, 0, 0, lua, 12),
                      lab_profile_location(p, 0, 0, chunk, 30)};
  lab_profile_label labels[] = {{.key = "step", .str = "memory"},
                                {.key = "bytes", .num = 2097152}};
  static const int64_t large[] = {3, 6291456, 1, 2097152};
  static const int64_t small[] = {1, 1048576, 0, 0};
  lab_profile_sample(p, stack, 3, large, labels, 2);
  lab_profile_sample(p, stack + 1, 2, small, NULL, 0);
  lab_profile_sample(p, stack + 1, 2, small, NULL, 0);
}

static void write_file(const lab_buf *b) {
  FILE *f = fopen(path, "wb");
  assert_non_null(f);
  assert_int_equal(fwrite(b->data, 1, b->len, f), b->len);
  assert_int_equal(fclose(f), 0);
}

static int make_file(void **state) {
  (void)state;
  int fd = mkstemp(write_temp_name(path, "lab-pprof"));
  if (fd < 0)
    return -1;
  close(fd);
  lab_profile *p = lab_profile_new(&heap);
  add_samples(p);
  lab_buf out = LAB_BUF_INIT;
  if (lab_profile_finish(p, &out) < 0)
    return -1;
  write_file(&out);
  lab_buf_free(&out);
  lab_profile_free(p);
  return 0;
}

static int remove_file(void **state) {
  (void)state;
  return unlink(path);
}

/* What `go tool pprof OPTIONS file` prints; each run of blanks is one blank
 * here, so that column widths don't matter. The caller frees it. */
static char *pprof(const char *options) {
  if (system("go tool -n pprof >/dev/null 2>&1") != 0)
    skip();
  lab_buf out = LAB_BUF_INIT, command = LAB_BUF_INIT;
  lab_buf_printf(&command, "TZ=UTC go tool pprof %s %s 2>&1%c", options, path,
                 0);
  FILE *f = popen(command.data, "r");
  assert_non_null(f);
  for (int c, last = 0; (c = getc(f)) != EOF; last = c)
    if (c != ' ' || last != ' ')
      lab_buf_putc(&out, (char)c);
  lab_buf_putc(&out, '\0');
  if (pclose(f) != 0)
    fail_msg("%s failed:\n%s", command.data, out.data);
  lab_buf_free(&command);
  return out.data;
}

static void assert_prints(const char *options, const char *const *expected) {
  lab_buf out = {.data = pprof(options)};
  for (; *expected; expected++)
    if (!strstr(out.data, *expected))
      fail_msg("pprof %s doesn't print \"%s\" but:\n%s", options, *expected,
               out.data);
  lab_buf_free(&out);
}
#define ASSERT_PRINTS(options, ...)                                            \
  assert_prints(options, (const char *const[]){__VA_ARGS__, NULL})

/* Newer tools write columns between line and s=, the function's start. */
static void raw(void **state) {
  (void)state;
  ASSERT_PRINTS("-raw", "PeriodType: space bytes\n", "Period: 524288\n",
                "Time: 2018-07-12", "Duration: 5s\n",
                "alloc_objects/count alloc_space/bytes[dflt] "
                "inuse_objects/count inuse_space/bytes\n",
                "3 6291456 1 2097152: 1 2 3 \n", "step:[memory]",
                "bytes:[2097152]", "2 2097152 0 0: 2 3 \n",
                "1: 0x401234 M=1 lab_random_read /src/r.c:44", " s=40",
                "2: 0x0 main.allocate /src/4.lua:12", " s=10",
                "3: 0x0 <main step-4.lua> /src/4.lua:30",
                "1: 0x400000/0x500000/0x0 /usr/bin/lab 0123abcd "
                "[FN][FL][LN][IN]\n");
}

static void top(void **state) {
  (void)state;
  ASSERT_PRINTS("-top", "File: lab\n", "Build ID: 0123abcd\n",
                "Type: alloc_space\n", "of 8MB total",
                " 6MB 75.00% 75.00% 6MB 75.00% lab_random_read\n",
                " 2MB 25.00% 100% 8MB 100% main.allocate\n",
                " 0 0% 100% 8MB 100% <main step-4.lua>\n");
}

static void other_sample_type(void **state) {
  (void)state;
  ASSERT_PRINTS("-top -sample_index=inuse_objects", "Type: inuse_objects\n",
                " 1 100% 100% 1 100% lab_random_read\n");
}

static void tags(void **state) {
  (void)state;
  ASSERT_PRINTS("-top -tagfocus=step=memory", "6MB, 75.00% of 8MB total",
                " 6MB 75.00% 75.00% 6MB 75.00% lab_random_read\n");
  ASSERT_PRINTS("-comments", "step 4\n");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(raw),
      cmocka_unit_test(top),
      cmocka_unit_test(other_sample_type),
      cmocka_unit_test(tags),
  };
  return cmocka_run_group_tests(tests, make_file, remove_file);
}
