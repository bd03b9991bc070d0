/* SPDX-License-Identifier: MIT
 * What can be asked of a profile: sums, names, the largest functions, the tree
 * of stacks, differences; and whether Go's tool counts the same. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "pprof/delta.h"
#include "pprof/flame.h"
#include "pprof/query.h"
#include "pprof_message.h"
#include "temp_name.h"

/* Functions: 1 mutex.request, 2 mutex.update, 3 mutex.update.func1, 4
 * lab.sleep, 5 getrandom, 6 mutex.Pool.acquire. Locations have the numbers of
 * their functions; line 10 x the number. Stacks, leaf first, with their values.
 */
#define STRINGS                                                                \
  "6'' 6'samples' 6'count' 6'cpu' 6'nanoseconds' 6'mutex.request' "            \
  "6'mutex.update' 6'mutex.update.func1' 6'lab.sleep' 6'getrandom' "           \
  "6'mutex.Pool.acquire' 6'/s/mutex/scenario.lua' 6'step' 6'mutex' 6'bytes' "
#define PLACES                                                                 \
  "5{1=1 2=5 4=11} 5{1=2 2=6 4=11} 5{1=3 2=7 4=11} 5{1=4 2=8} 5{1=5 2=9} "     \
  "5{1=6 2=10 4=11} 4{1=1 4{1=1 2=10}} 4{1=2 4{1=2 2=20}} "                    \
  "4{1=3 4{1=3 2=30}} 4{1=4 4{1=4 2=40}} 4{1=5 4{1=5 2=50}} "                  \
  "4{1=6 4{1=6 2=60}} "
#define STACKS                                                                 \
  "2{1[2 1] 2[1 10]} "                                                         \
  "2{1[5 3 2 1] 2[2 20] 3{1=12 2=13} 3{1=14 3=512}} "                          \
  "2{1[4 6 1] 2[3 30]} "                                                       \
  "2{1[4] 2[4 40]} "
#define CPU STRINGS "1{1=1 2=2} 1{1=3 2=4} 12=10 " PLACES STACKS

static lab_pprof *read_message(const char *text) {
  lab_buf m = message_make(text);
  lab_pprof *p;
  lab_err err = {""};
  if (lab_pprof_decode(&p, m.data, m.len, NULL, &err))
    fail_msg("%s", err.text);
  lab_buf_free(&m);
  return p;
}

static lab_pprof_sum sum_of(const lab_pprof *p, const char *type,
                            lab_pprof_filter filter) {
  lab_pprof_query *q = lab_pprof_query_new(p, &filter);
  lab_pprof_sum sum = lab_pprof_query_sum(q, lab_pprof_type_index(p, type));
  lab_pprof_query_free(q);
  return sum;
}

#define UNDER(...)                                                             \
  .under = (const char *const[]){__VA_ARGS__},                                 \
  .nunder = sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *)

#define EXPECT_SUM(part_, whole_, ...)                                         \
  do {                                                                         \
    lab_pprof_sum s = sum_of(                                                  \
        p, "cpu", (lab_pprof_filter){.scenario = "mutex", __VA_ARGS__});       \
    assert_int_equal(s.whole, whole_);                                         \
    assert_int_equal(s.part, part_);                                           \
  } while (0)

static void filters(void **state) {
  (void)state;
  lab_pprof *p = read_message(CPU);
  EXPECT_SUM(100, 100, .tag_key = NULL);
  EXPECT_SUM(30, 100, UNDER("update"));
  EXPECT_SUM(30, 100, UNDER("mutex.update"));
  EXPECT_SUM(20, 100, UNDER("update.func1"));
  EXPECT_SUM(20, 100, UNDER("update", "getrandom"));
  EXPECT_SUM(0, 100, UNDER("update", "acquire"));
  EXPECT_SUM(30, 100, UNDER("acquire"));
  EXPECT_SUM(30, 100, UNDER("Pool.acquire"));
  EXPECT_SUM(0, 100, UNDER("sleep")); /* not the scenario's: in full */
  EXPECT_SUM(70, 100, UNDER("lab.sleep"));
  EXPECT_SUM(0, 100, UNDER("pdate"));
  EXPECT_SUM(30, 100, .top = "update");
  EXPECT_SUM(0, 100, .top = "request");
  EXPECT_SUM(20, 100, .leaf = "getrandom");
  EXPECT_SUM(10, 100, .leaf = "mutex.update");
  EXPECT_SUM(0, 100, .leaf = "update");
  EXPECT_SUM(30, 100, .line = "scenario.lua:20");
  EXPECT_SUM(30, 100, .line = "mutex/scenario.lua:20");
  EXPECT_SUM(0, 100, .line = "scenario.lua:21");
  EXPECT_SUM(0, 100, .line = "nario.lua:20");
  EXPECT_SUM(70, 100, .absent = "update");
  EXPECT_SUM(20, 20, .tag_key = "step", .tag_value = "mutex");
  EXPECT_SUM(20, 20, .tag_key = "bytes", .tag_value = "512");
  EXPECT_SUM(0, 0, .tag_key = "bytes", .tag_value = "513");
  EXPECT_SUM(60, 60, .only_scenario = true);
  EXPECT_SUM(20, 30, .of = "update", .leaf = "getrandom");
  lab_pprof_sum nothing = sum_of(p, "cpu", (lab_pprof_filter){.of = "x"});
  assert_true(isnan(nothing.share) && nothing.n == 0);
  assert_int_equal(sum_of(p, "time", (lab_pprof_filter){0}).whole, 0);
  lab_pprof_free(p);
}

static void names(void **state) {
  (void)state;
  static const struct {
    const char *frame, *name, *scenario;
    bool is_it;
  } all[] = {
      {"a.f", "f", "a", true},
      {"a.f", "a.f", "a", true},
      {"a.f", "f", NULL, true},
      {"a.f", "f", "b", false},
      {"a.f", "", "a", false},
      {"a.f.func1", "f", "a", true},
      {"a.f.func1.func22", "f", "a", true},
      {"a.f.func1.func22", "f.func1", "a", true},
      {"a.f.func1", "f.func2", "a", false},
      {"a.func1", "func1", "a", true},
      {"a.f.func", "f", "a", false},
      {"a.f.func1x", "f", "a", false},
      {"a/pool.f.func1", "f", "a", true},
      {"a/pool.f", "pool.f", "a", true},
      {"a/pool.f", "a/pool.f", "a", true},
      {"ab/pool.f", "f", "a", false},
      {"a.f#2.func1", "f#2", "a", true},
      {"a.f#2", "f", "a", false},
      {"a.routes[\"/import\"]", "routes[\"/import\"]", "a", true},
      {"lab.Mutex.lock", "lock", "a", false},
      {"lab.Mutex.lock", "lab.Mutex.lock", "a", true},
      {"a", "a", "a", true},
      {".func1", "f", "a", false},
      {"", "f", "a", false},
  };
  for (size_t i = 0; i < sizeof all / sizeof *all; i++)
    if (lab_pprof_is_named(all[i].frame, all[i].name, all[i].scenario) !=
        all[i].is_it)
      fail_msg("%s, %s", all[i].frame, all[i].name);
}

/* ---- how many samples -----------------------------------------------------
 */

static void samples_counted(void **state) {
  (void)state;
  lab_pprof *p = read_message(CPU);
  assert_true(sum_of(p, "cpu", (lab_pprof_filter){0}).n == 10);
  lab_pprof_filter of = {.of = "update"};
  assert_true(sum_of(p, "cpu", of).n == 3);
  lab_pprof_free(p);
  p = read_message("6'' 6'contentions' 6'count' 1{1=1 2=2} 2{2=7}");
  assert_true(isinf(sum_of(p, NULL, (lab_pprof_filter){0}).n));
  lab_pprof_free(p);
}

/* Blocks of 1000 bytes at a rate of 1000: each is seen with p = 1 - 1/e. */
static void samples_of_memory(void **state) {
  (void)state;
  lab_pprof *p = read_message(
      "6'' 6'alloc_objects' 6'count' 6'alloc_space' 6'bytes' 1{1=1 2=2} "
      "1{1=3 2=4} 12=1000 2{2[200 200000]} 2{2[100 100000000]}");
  double seen = 1 - exp(-1);
  double variance = 200 * 1e6 * (1 - seen) / seen;
  lab_pprof_sum sum = sum_of(p, "alloc_space", (lab_pprof_filter){0});
  assert_int_equal(sum.whole, 100200000);
  assert_true(fabs(sum.n / (1002e5 * 1002e5 / variance) - 1) < 1e-9);
  sum = sum_of(p, "alloc_objects", (lab_pprof_filter){0});
  assert_true(fabs(sum.n / (300.0 * 300 / (variance / 1e6)) - 1) < 1e-9);
  lab_pprof_free(p);
}

/* The numbers that authors are told: a share of 1 is >= 0.95 from 171 on. */
static void share_bounds(void **state) {
  (void)state;
  double low, high;
  lab_pprof_share_bounds(1, 171, &low, &high);
  assert_true(low >= 0.95 - 1e-12 && high == 1);
  lab_pprof_share_bounds(1, 170, &low, &high);
  assert_true(low < 0.95);
  lab_pprof_share_bounds(1, 36, &low, &high);
  assert_true(fabs(low - 0.8) < 1e-12);
  lab_pprof_share_bounds(0.5, 10000, &low, &high);
  assert_true(fabs(low - (0.5 - 3 * sqrt(0.25 / 10000))) < 1e-4);
  assert_true(fabs(high - (0.5 + 3 * sqrt(0.25 / 10000))) < 1e-4);
  lab_pprof_share_bounds(0.3, INFINITY, &low, &high);
  assert_true(low == 0.3 && high == 0.3);
  lab_pprof_share_bounds(0.3, 0, &low, &high);
  assert_true(low == 0 && high == 1);
}

static void sums_stay_in_range(void **state) {
  (void)state;
  lab_pprof *p = read_message(
      "6'' 6'x' 1{1=1} 2{2=0x7000000000000000} 2{2=0x7000000000000000}");
  assert_true(sum_of(p, NULL, (lab_pprof_filter){0}).whole == INT64_MAX);
  lab_pprof_free(p);
}

/* ---- the largest functions, the tree ------------------------------------- */

static void largest_functions(void **state) {
  (void)state;
  lab_pprof *p = read_message(CPU);
  lab_pprof_query *q = lab_pprof_query_new(p, &(lab_pprof_filter){0});
  lab_pprof_row rows[10];
  assert_int_equal(lab_pprof_query_top(q, 1, false, rows, 2), 2);
  assert_string_equal(rows[0].name, "lab.sleep");
  assert_int_equal(rows[0].flat, 70);
  assert_string_equal(rows[1].name, "getrandom");
  assert_int_equal(lab_pprof_query_top(q, 1, true, rows, 10), 6);
  assert_string_equal(rows[0].name, "lab.sleep");
  assert_string_equal(rows[1].name, "mutex.request");
  assert_int_equal(rows[1].cum, 60);
  assert_int_equal(rows[1].flat, 0);
  lab_pprof_query_free(q);
  q = lab_pprof_query_new(p, &(lab_pprof_filter){UNDER("update")});
  assert_int_equal(lab_pprof_query_top(q, 1, true, rows, 1), 1);
  assert_int_equal(rows[0].cum, 30);
  assert_int_equal(lab_pprof_query_top(q, 2, true, rows, 1), 0);
  lab_pprof_query_free(q);
  lab_pprof_free(p);
}

/* "name total self (children)", the root first. */
static void write_node(const lab_pprof *p, const lab_flame *f, uint32_t i,
                       lab_buf *out) {
  const lab_flame_node *n = &f->nodes[i];
  if (n->function != LAB_PPROF_NONE)
    lab_buf_puts(out, p->functions[n->function].name);
  lab_buf_printf(out, " %lld %lld", (long long)n->total, (long long)n->self);
  for (uint32_t child = n->child; child; child = f->nodes[child].next) {
    lab_buf_puts(out, " (");
    write_node(p, f, child, out);
    lab_buf_putc(out, ')');
  }
}

static void expect_flame(const lab_pprof *p, lab_pprof_filter filter,
                         size_t max, int64_t left_out, const char *text) {
  lab_pprof_query *q = lab_pprof_query_new(p, &filter);
  lab_flame f = lab_flame_new(q, 1, max);
  lab_buf out = LAB_BUF_INIT;
  write_node(p, &f, 0, &out);
  lab_buf_putc(&out, '\0');
  assert_string_equal(out.data, text);
  assert_int_equal(f.left_out, left_out);
  lab_buf_free(&out);
  lab_flame_free(&f);
  lab_pprof_query_free(q);
}

static void flame_graph(void **state) {
  (void)state;
  lab_pprof *p = read_message(CPU "2{1[5 3 2 1] 2[1 7]}");
  expect_flame(p, (lab_pprof_filter){0}, 100, 0,
               " 107 0 (mutex.request 67 0 (mutex.update 37 10 "
               "(mutex.update.func1 27 0 (getrandom 27 27))) "
               "(mutex.Pool.acquire 30 0 (lab.sleep 30 30))) "
               "(lab.sleep 40 40)");
  expect_flame(p, (lab_pprof_filter){.absent = "update"}, 100, 0,
               " 70 0 (mutex.request 30 0 (mutex.Pool.acquire 30 0 "
               "(lab.sleep 30 30))) (lab.sleep 40 40)");
  expect_flame(p, (lab_pprof_filter){0}, 3, 97,
               " 107 40 (mutex.request 67 30 (mutex.update 37 37))");
  expect_flame(p, (lab_pprof_filter){.of = "nothing"}, 3, 0, " 0 0");
  lab_pprof_free(p);
}

/* ---- differences --------------------------------------------------------- */

static void difference(void **state) {
  (void)state;
  /* The same places under other ids, the labels in another order. */
  lab_pprof *base = read_message(
      STRINGS "1{1=1 2=2} 1{1=3 2=4} 5{1=9 2=6 4=11} 5{1=8 2=5 4=11} "
              "5{1=7 2=7 4=11} 5{1=6 2=9} 4{1=4 4{1=9 2=20}} "
              "4{1=5 4{1=8 2=10}} 4{1=6 4{1=7 2=30}} 4{1=7 4{1=6 2=50}} "
              "2{1[4 5] 2[1 10]} "
              "2{1[7 6 4 5] 2[1 5] 3{1=14 3=512} 3{1=12 2=13}} "
              "2{1[7 6 4 5] 2[1 5]}");
  lab_pprof *p = read_message(CPU);
  size_t lost;
  assert_int_equal(lab_pprof_subtract(p, base, &lost, NULL), 0);
  assert_int_equal(lost, 1); /* the one without labels */
  assert_int_equal(p->nsamples, 3);
  assert_int_equal(p->samples[0].values[1], 15);
  assert_int_equal(p->samples[1].values[1], 30);
  lab_pprof *other = read_message("6'' 6'x' 1{1=1}");
  lab_err err;
  assert_true(lab_pprof_subtract(p, other, NULL, &err) < 0);
  assert_string_equal(err.text, "one has 2 sample types, the other 1");
  lab_pprof *same = read_message(CPU);
  lab_pprof *again = read_message(CPU "2{1[4] 2[1 1]}"); /* a stack twice */
  assert_int_equal(lab_pprof_subtract(again, same, &lost, NULL), 0);
  assert_int_equal(lost, 0);
  assert_int_equal(again->nsamples, 1);
  assert_int_equal(again->samples[0].values[1], 1);
  lab_pprof *const all[] = {base, p, other, same, again};
  for (size_t i = 0; i < sizeof all / sizeof *all; i++)
    lab_pprof_free(all[i]);
}

/* 20,000 functions have one name and one file, a megabyte each. Whoever looked
 * at these texts for each function would read 20 GB for each question. */
static void long_texts(void **state) {
  (void)state;
  enum { FUNCTIONS = 20000, LENGTH = 1 << 20 };
  lab_buf m = LAB_BUF_INIT;
  char *text = calloc(1, LENGTH + 1);
  assert_non_null(text);
  memset(text, 'x', LENGTH);
  message_write(&m, &(const char *){"6'' 1{}"});
  message_bytes(&m, 6, text, LENGTH);
  for (int i = 1; i <= FUNCTIONS; i++) {
    char part[128];
    snprintf(part, sizeof part,
             "5{1=%d 2=1 4=1} 4{1=%d 4{1=%d 2=%d}} 2{1=%d 2=1}", i, i, i, i, i);
    message_write(&m, &(const char *){part});
  }
  lab_pprof *p[2];
  for (int i = 0; i < 2; i++)
    assert_int_equal(lab_pprof_decode(&p[i], m.data, m.len, NULL, NULL), 0);
  lab_pprof_sum sum =
      sum_of(p[0], NULL,
             (lab_pprof_filter){UNDER("y"), .line = "x:7", .absent = "z",
                                .scenario = "x"});
  assert_int_equal(sum.whole, FUNCTIONS);
  assert_int_equal(sum.part, 0);
  assert_int_equal(lab_pprof_subtract(p[0], p[1], NULL, NULL), 0);
  assert_int_equal(p[0]->nsamples, 0);
  lab_pprof_free(p[0]);
  lab_pprof_free(p[1]);
  lab_buf_free(&m);
  free(text);
}

/* ---- Go's tool, on profiles of a Go program -------------------------------
 */

/* Profiles of the Go compiler while it compiles. */
static const char make_profiles[] =
    "cd %s && d=$(go env GOROOT)/src/unicode && "
    "go tool compile -o /dev/null -p unicode -c 2 -cpuprofile cpu "
    "-blockprofile block -mutexprofile mutex "
    "$(ls $d/*.go | grep -v _test) >/dev/null 2>&1";

static char *read_output(const char *command) {
  lab_buf out = LAB_BUF_INIT;
  FILE *f = popen(command, "r");
  assert_non_null(f);
  for (int c; (c = getc(f)) != EOF;)
    lab_buf_putc(&out, (char)c);
  lab_buf_putc(&out, '\0');
  assert_int_equal(pclose(f), 0);
  return out.data;
}

/* Reads "flat flat% sum% cum cum%  name" into ROW; NULL, or the name. */
static const char *read_row(const char *line, lab_pprof_row *row) {
  int64_t numbers[5];
  for (int i = 0; i < 5; i++) {
    char *end;
    numbers[i] = strtoll(line, &end, 10);
    if (end == line)
      return NULL;
    line = end + strcspn(end, " "); /* a unit, or a fraction and % */
  }
  *row = (lab_pprof_row){.flat = numbers[0], .cum = numbers[3]};
  return line + strspn(line, " ");
}

/* The length of a name without " (inline)" or " (partial-inline)". */
static size_t count_name(const char *name) {
  const char *inlined = strstr(name, " (");
  return inlined && strstr(inlined, "inline)") ? (size_t)(inlined - name)
                                               : strlen(name);
}

/* Compares each row of the tool's table. Returns how many there are. */
static size_t compare_rows(char *text, const lab_pprof_row *rows, size_t n) {
  size_t found = 0;
  for (char *line = text, *end; (end = strchr(line, '\n')); line = end + 1) {
    lab_pprof_row theirs;
    *end = '\0';
    const char *name = read_row(line, &theirs);
    if (!name)
      continue;
    size_t i = 0, length = count_name(name);
    while (i < n && !(strlen(rows[i].name) == length &&
                      memcmp(rows[i].name, name, length) == 0))
      i++;
    if (i == n || rows[i].flat != theirs.flat || rows[i].cum != theirs.cum)
      fail_msg("%s: we say %lld %lld", line,
               i < n ? (long long)rows[i].flat : 0,
               i < n ? (long long)rows[i].cum : 0);
    found++;
  }
  return found;
}

static lab_pprof *read_profile(const char *path) {
  lab_buf b = LAB_BUF_INIT;
  FILE *f = fopen(path, "rb");
  assert_non_null(f);
  for (int c; (c = getc(f)) != EOF;)
    lab_buf_putc(&b, (char)c);
  fclose(f);
  lab_pprof *p;
  lab_err err;
  if (lab_pprof_decode(&p, b.data, b.len, NULL, &err))
    fail_msg("%s: %s", path, err.text);
  lab_buf_free(&b);
  return p;
}

static void compare_profile(const char *path) {
  enum { MAX = 10000 };
  static lab_pprof_row rows[MAX];
  lab_pprof *p = read_profile(path);
  lab_pprof_query *q = lab_pprof_query_new(p, &(lab_pprof_filter){0});
  for (size_t type = 0; type < p->ntypes; type++) {
    char command[1024];
    snprintf(command, sizeof command,
             "go tool pprof -top -nodecount=100000 -nodefraction=0 -unit=%s "
             "-sample_index=%s %s 2>/dev/null",
             p->types[type].unit, p->types[type].type, path);
    char *text = read_output(command);
    size_t n = lab_pprof_query_top(q, type, true, rows, MAX);
    size_t found = compare_rows(text, rows, n);
    assert_int_equal(found, n);
    free(text);
  }
  lab_pprof_query_free(q);
  lab_pprof_free(p);
}

static void go_counts_the_same(void **state) {
  (void)state;
  static const char *const kinds[] = {"cpu", "block", "mutex"};
  char dir[TEMP_NAME], command[512];
  FILE *f = popen("go tool -n pprof >/dev/null 2>&1", "r");
  if (pclose(f) != 0)
    skip();
  assert_non_null(mkdtemp(write_temp_name(dir, "lab-query")));
  snprintf(command, sizeof command, make_profiles, dir);
  free(read_output(command));
  for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
    snprintf(command, sizeof command, "%s/%s", dir, kinds[i]);
    compare_profile(command);
    unlink(command);
  }
  rmdir(dir);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(filters),
      cmocka_unit_test(names),
      cmocka_unit_test(samples_counted),
      cmocka_unit_test(samples_of_memory),
      cmocka_unit_test(share_bounds),
      cmocka_unit_test(sums_stay_in_range),
      cmocka_unit_test(largest_functions),
      cmocka_unit_test(flame_graph),
      cmocka_unit_test(difference),
      cmocka_unit_test(long_texts),
      cmocka_unit_test(go_counts_the_same),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
