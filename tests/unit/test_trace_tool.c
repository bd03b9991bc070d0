/* SPDX-License-Identifier: MIT
 * The real reader: what `go tool trace` makes of recordings whose contents are
 * known, and of random ones, which must all be whole. Skipped where there is no
 * Go. In the environment: SEED repeats a random run, TRACES says how many, KEEP
 * is a folder where they stay. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/clock.h"
#include "base/rng.h"
#include "trace/decode.h"
#include "trace/json.h"
#include "trace/trace.h"
#include "trace/wire.h"
#include "temp_name.h"

enum { WORKER = 1, START, WAKEUP, ENTRY, WAITS, RUNS, JOB, GC, STACKS };
static char path[TEMP_NAME];
static uint64_t heap_bytes;

static uint64_t heap(void) {
  return heap_bytes;
}

static size_t namer(uint32_t stack, lab_trace_frame out[LAB_TRACE_DEPTH]) {
  static const char *const names[STACKS] = {
      "?",           "lab.worker", "lab.start",  "lab.wakeup", "step6.worker",
      "step6.waits", "step6.runs", "lab.copy_n", "[lua gc]"};
  out[0] = (lab_trace_frame){names[stack % STACKS], "/src/6.lua", 10};
  if (stack < WAITS)
    return 1;
  out[1] = (lab_trace_frame){"step6.worker", "/src/6.lua", (int)stack};
  return 2;
}

/* What is written can be read back, event by event, and as JSON. */
static uint64_t decoded;
static lab_trace_json *json;

static bool runs, paused; /* on the VM's P */

/* What the viewer of Go 1.23 wants besides: whoever begins a user task is
 * somebody, a pause is within somebody's turn, and the first Gomaxprocs comes
 * first. */
static void follow(const lab_trace_record *e) {
  static uint64_t beginning;
  if (decoded < 2)
    beginning = e->ts;
  assert_true(e->proc == VM_PROC || e->ts > beginning);
  if (e->proc != VM_PROC)
    return;
  if (e->type == EV_GO_START) {
    runs = true;
  } else if (e->type >= EV_GO_END && e->type <= EV_GO_SYSCALL) {
    assert_true(runs && !paused);
    runs = false;
  } else if (e->type == EV_USER_TASK) {
    assert_true(runs);
  } else if (e->type == EV_STW_START) {
    assert_true(runs && !paused);
    paused = true;
  } else if (e->type == EV_STW_DONE) {
    assert_true(runs && paused);
    paused = false;
  }
}

static void read_back(const lab_buf *piece) {
  lab_trace_decoder d;
  lab_trace_record e;
  lab_buf text = LAB_BUF_INIT;
  lab_trace_decode_begin(&d, piece->data, piece->len);
  for (; lab_trace_decode(&d, &e); decoded++)
    follow(&e);
  assert_true(d.at == d.end);
  lab_trace_json_add(json, piece->data, piece->len, &text);
  lab_buf_free(&text);
}

static void open_small(uint64_t max_events, size_t pool) {
  lab_trace_config config = {.max_events = max_events,
                             .pool = pool,
                             .workers = 2,
                             .worker = WORKER,
                             .start = START,
                             .wakeup = WAKEUP,
                             .heap = heap};
  decoded = 0;
  runs = paused = false;
  json = lab_trace_json_new(namer);
  assert_int_equal(lab_trace_open(&config), 0);
}

/* All that is there now goes to FILE. */
static void drain(FILE *file, bool partly) {
  lab_buf piece = LAB_BUF_INIT;
  while (lab_trace_take(&piece, partly)) {
    read_back(&piece);
    fwrite(piece.data, 1, piece.len, file);
    lab_buf_clear(&piece);
  }
  lab_buf_free(&piece);
}

static void finish(FILE *file) {
  lab_buf piece = LAB_BUF_INIT;
  lab_trace_seal(NULL);
  drain(file, true);
  assert_int_equal(decoded, lab_trace_events());
  lab_trace_json_end(json, &piece);
  lab_buf_clear(&piece);
  lab_trace_json_free(json);
  while (lab_trace_tables(namer, &piece)) {
    fwrite(piece.data, 1, piece.len, file);
    lab_buf_clear(&piece);
  }
  lab_buf_free(&piece);
  lab_trace_close();
  assert_int_equal(fclose(file), 0);
}

/* Runs a command over the file; its output goes to OUT, 0-terminated. */
static int tool(const char *format, char *out, size_t size) {
  char command[512];
  snprintf(command, sizeof command, format, path);
  FILE *pipe = popen(command, "r");
  assert_non_null(pipe);
  size_t n = 0, got;
  while (n < size - 1 && (got = fread(out + n, 1, size - 1 - n, pipe)) > 0)
    n += got;
  out[n] = '\0';
  char rest[4096];
  while (fread(rest, 1, sizeof rest, pipe) > 0)
    ;
  return pclose(pipe);
}

static char dump[4 << 20];

#define EVENTS                                                                 \
  "lua5.4 '" LAB_SOURCE_DIR "/tests/integration/trace_dump.lua' %s 2>&1"
/* The reader's list of events is in `dump`. */
static void accept(void) {
  int rc = tool(EVENTS, dump, sizeof dump);
  if (rc || !strstr(dump, " Gomaxprocs ") || strstr(dump, "panic"))
    fail_msg("go tool trace: %.400s", dump);
}

static size_t count(const char *what) {
  size_t n = 0;
  for (const char *at = dump; (at = strstr(at, what)); at++)
    n++;
  return n;
}

static void keep(int number) {
  char command[512];
  snprintf(command, sizeof command, "cp %s '%s/%d.out'", path, getenv("KEEP"),
           number);
  assert_int_equal(system(command), 0);
}

/* ---- what is known ------------------------------------------------------- */

static uint64_t at; /* the time, made up: ns */

static void story(void) {
  lab_trace_g a = {.id = 1}, b = {.id = 2}, old = {.id = 3};
  at = lab_clock_mono() + LAB_SECOND;
  heap_bytes = 1000000;
  open_small(0, 0);
  lab_trace_go_create(&old, ENTRY, 0, at);
  lab_trace_go_start(&old, at);
  lab_trace_go_block(&old, LAB_TRACE_RECEIVE, WAITS, at);
  lab_trace_start(4000000);
  lab_trace_go_create(&a, ENTRY, 0, at);
  lab_trace_go_start(&a, at);
  lab_trace_task_begin(7, 0, "GET /", RUNS, at);
  a.task = 7;
  lab_trace_go_create(&b, ENTRY, RUNS, at + 1000000);
  lab_trace_region_begin("outer", RUNS, 0);
  lab_trace_region_begin("inner", RUNS, 0);
  lab_trace_log(7, "log", "hello", 5, RUNS);
  lab_trace_region_end("outer", RUNS, 0);
  lab_trace_go_block(&a, LAB_TRACE_SYNC, WAITS, at + 2000000);
  lab_trace_go_start(&b, at + 2000000);
  lab_trace_gc_begin(GC);
  heap_bytes = 500000;
  lab_trace_gc_end(true, 1000000);
  lab_trace_go_unblock(&a, RUNS, 0, at + 12000000);
  lab_trace_job_begin(1, "lab.copy_n", JOB, at + 13000000);
  lab_trace_go_block(&b, LAB_TRACE_SYSCALL, JOB, at + 13000000);
  lab_trace_go_start(&a, at + 15000000);
  lab_trace_task_end(7, RUNS, at + 15000000);
  lab_trace_go_end(&a, at + 16000000);
  lab_trace_job_end(1, at + 33000000);
  lab_trace_go_unblock(&b, 0, at + 33000000, at + 34000000);
  lab_trace_go_start(&b, at + 35000000);
  lab_trace_go_end(&b, at + 36000000);
  lab_trace_sample(at + 20000000, 2, JOB);
}

static void test_story(void **state) {
  (void)state;
  story();
  finish(fopen(path, "wb"));
  accept();
  assert_int_equal(count(" GoCreate "), 4); /* three, and a worker's */
  assert_int_equal(count(" GoEnd "), 2);
  assert_int_equal(count(" UserRegion "), 4);
  assert_int_equal(count(" UserLog "), 1);
  assert_int_equal(count(" CPUSample "), 1);
  assert_int_equal(count(" GCDone "), 1);
  assert_true(count("mem=500000") > 0);
}

static void profile(const char *kind, const char *function, const char *time) {
  char format[256], line[256];
  snprintf(format, sizeof format,
           "go tool trace -pprof=%s %%s >%%1$s.prof && "
           "go tool pprof -top %%1$s.prof 2>/dev/null | grep %s",
           kind, function);
  char *second = strstr(format, "%s"); /* the same argument each time */
  memmove(second + 4, second + 2, strlen(second + 2) + 1);
  memcpy(second, "%1$s", 4);
  tool(format, line, sizeof line);
  if (!strstr(line, time))
    fail_msg("the %s profile says %s, not %s", kind, line, time);
}

static void test_truth(void **state) {
  (void)state;
  story();
  finish(fopen(path, "wb"));
  profile("sync", "step6.waits", "10ms");
  /* Later ones convert it wrongly. */
  if (!tool("go version | grep -qE '1[.](19|2[0-2])' #%s", dump, sizeof dump))
    profile("syscall", "lab.copy_n", "20ms");
  char name[sizeof path + sizeof ".prof"];
  snprintf(name, sizeof name, "%s.prof", path);
  unlink(name);
}

/* The collector, and a request, where no task runs. */
static void test_nobody_runs(void **state) {
  (void)state;
  open_small(0, 0);
  lab_trace_start(0);
  for (int i = 0; i < 2; i++) {
    lab_trace_g g = {.id = 1 + (uint64_t)i, .task = 1 + (uint64_t)i};
    lab_trace_gc_begin(GC);
    lab_trace_gc_end(true, 1);
    lab_trace_task_begin(g.id, 0, "GET /", RUNS, 0);
    lab_trace_go_create(&g, ENTRY, 0, 0);
    lab_trace_go_start(&g, 0);
    lab_trace_go_end(&g, 0);
  }
  lab_trace_gc_begin(GC); /* and sealed in the middle of it */
  finish(fopen(path, "wb"));
  accept();
  assert_int_equal(count(" GoCreate "), 4); /* two, and the helpers */
  assert_int_equal(count(" GoBlock "), 4);  /* helpers: two turns each */
  assert_int_equal(count(" GCDone "), 3);
}

/* ---- limits -------------------------------------------------------------- */

static void busy(lab_trace_g *g, unsigned n) {
  for (unsigned i = 0; i < n; i++) {
    lab_trace_go_start(g, 0);
    lab_trace_gc_begin(GC);
    lab_trace_log(0, "log", "a line that is longer than most others", 38, 0);
    lab_trace_gc_end(true, 1);
    lab_trace_go_yield(g, i % 2, RUNS, 0);
  }
}

static void test_limits(void **state) {
  (void)state;
  for (int slow = 0; slow <= 1; slow++) {
    lab_trace_g g = {.id = 1};
    open_small(slow ? 0 : 1000, slow ? 200000 : 0);
    lab_trace_go_create(&g, ENTRY, 0, 0);
    lab_trace_start(0);
    assert_true(lab_trace_on());
    busy(&g, 20000);
    assert_false(lab_trace_on());
    assert_true(lab_trace_sealed());
    assert_non_null(strstr(lab_trace_fault(), slow ? "read" : "most"));
    if (!slow)
      assert_in_range(lab_trace_events(), 1000, 1050);
    finish(fopen(path, "wb"));
    accept();
    assert_int_equal(count("the trace ends early"), 1);
  }
}

/* Names are kept until the end; the last thousands are called by another. */
static void test_names(void **state) {
  (void)state;
  enum { NAMES = 40000, LENGTH = 500 };
  lab_trace_g g = {.id = 1};
  open_small(0, 0);
  lab_trace_go_create(&g, ENTRY, 0, 0);
  lab_trace_start(0);
  lab_trace_go_start(&g, 0);
  FILE *file = fopen(path, "wb");
  for (int i = 0; i < NAMES; i++) {
    char name[LENGTH + 1];
    snprintf(name, sizeof name, "%0*d", LENGTH, i);
    lab_trace_region_begin(i % 2 ? name : "the same", RUNS, 0);
    lab_trace_region_begin(name, RUNS, 0);
    lab_trace_region_end(name, RUNS, 0);
    lab_trace_region_end(i % 2 ? name : "the same", RUNS, 0);
    drain(file, false);
  }
  long events = ftell(file);
  finish(file);
  accept();
  file = fopen(path, "rb");
  fseek(file, 0, SEEK_END);
  assert_in_range(ftell(file) - events, LAB_TRACE_NAMES / 2,
                  LAB_TRACE_NAMES + 70000);
  fclose(file);
  assert_int_equal(tool(EVENTS " | grep -c 'name=.other.'", dump, sizeof dump),
                   0);
  assert_true(atoi(dump) > NAMES && atoi(dump) < 3 * NAMES);
  assert_int_equal(tool(EVENTS " | grep -c 'name=the same'", dump, sizeof dump),
                   0);
  assert_int_equal(atoi(dump), NAMES);
}

/* Deep, left open, ended twice, ended by another, with odd names. */
static void test_odd_regions(void **state) {
  (void)state;
  enum { DEEP = 1000 };
  lab_trace_g a = {.id = 1, .task = 1}, b = {.id = 2, .task = 7};
  char name[16];
  open_small(0, 0);
  lab_trace_go_create(&a, ENTRY, 0, 0);
  lab_trace_go_create(&b, ENTRY, 0, 0);
  lab_trace_start(0);
  lab_trace_go_start(&a, 0);
  lab_trace_task_begin(1, 0, "", RUNS, 0);
  for (int i = 0; i < DEEP; i++) {
    snprintf(name, sizeof name, "%d", i % 100);
    lab_trace_region_begin(name, RUNS, 0);
  }
  lab_trace_region_end("unknown", RUNS, 0);
  lab_trace_region_end("0", RUNS, 0); /* the innermost 100 */
  lab_trace_region_begin("", RUNS, 0);
  lab_trace_task_end(1, RUNS, 0);
  lab_trace_task_end(1, RUNS, 0);
  lab_trace_region_end("", RUNS, 0);
  lab_trace_region_end("", RUNS, 0);
  lab_trace_go_start(&b, 0);
  lab_trace_region_end("1", RUNS, 0);
  lab_trace_region_begin("\xff\xfe<&\"'%\n", RUNS, 0);
  lab_trace_go_start(&a, 0);
  lab_trace_go_end(&a, 0); /* 900 are open */
  finish(fopen(path, "wb"));
  accept();
  assert_int_equal(count(" UserRegion "), DEEP + 100 + 2 + 1);
  if (getenv("KEEP"))
    keep(0);
}

static void test_one_at_a_time(void **state) {
  (void)state;
  lab_trace_config config = {.workers = 1};
  assert_int_equal(lab_trace_open(&config), 0);
  assert_true(lab_trace_open(&config) < 0);
  assert_false(lab_trace_started());
  lab_trace_close();
  assert_false(lab_trace_on());
  assert_int_equal(lab_trace_open(&config), 0);
  lab_trace_close();
  lab_trace_close();
}

/* ---- random sequences ---------------------------------------------------- */

enum { GOROUTINES = 12 };
static lab_trace_g gs[GOROUTINES];
static uint64_t next_id, next_task;

static void random_call(uint64_t *seed) {
  static char long_name[10001];
  const char *names[] = {"one", "two",     "",        "\xff\xfe <&\"'%\n",
                         "one", "[other]", long_name, "three"};
  uint64_t x = lab_rng_next(seed);
  lab_trace_g *g = &gs[x % GOROUTINES];
  uint32_t stack = 1 + (x >> 8) % (STACKS - 1);
  const char *name = names[(x >> 16) % 8];
  memset(long_name, 'n', sizeof long_name - 1);
  uint64_t now = (x >> 20) % 4 ? 0 : lab_clock_mono() - (x >> 24) % 100000;
  switch ((x >> 32) % 20) {
  case 0:
  case 1:
    if (g->state == 0 && next_id++)
      *g = (lab_trace_g){.id = next_id};
    lab_trace_go_create(g, stack, stack % 3, now);
    break;
  case 2:
  case 3:
  case 4:
    lab_trace_go_start(g, now);
    break;
  case 5:
  case 6:
    lab_trace_go_block(g, (x >> 40) % LAB_TRACE_WHYS, stack, now);
    break;
  case 7:
    lab_trace_go_yield(g, x >> 63, stack, now);
    break;
  case 8:
  case 9:
    lab_trace_go_unblock(g, stack % 2, x >> 62 ? now : 0, now);
    break;
  case 10:
    lab_trace_go_end(g, now);
    break;
  case 11:
    lab_trace_job_begin((x >> 40) % 4, name, stack, now);
    break;
  case 12:
    lab_trace_job_end((x >> 40) % 4, now);
    break;
  case 13:
    lab_trace_heap();
    break;
  case 14:
    lab_trace_gc_begin(stack);
    break;
  case 15:
    lab_trace_gc_end(x >> 63, x >> 40);
    break;
  case 16:
    g->task = ++next_task;
    lab_trace_task_begin(g->task, g->task - 1, name, stack, now);
    break;
  case 17:
    lab_trace_region_begin(name, stack, now);
    break;
  case 18:
    lab_trace_region_end(name, stack, now);
    break;
  default:
    lab_trace_log(g->task, name, dump, (x >> 40) % 5000, stack);
    lab_trace_task_end(g->task, stack, now);
    lab_trace_sample(lab_clock_mono(), (int)(x >> 40) % 4 - 1, stack);
  }
}

static void random_trace(uint64_t *seed) {
  memset(dump, 'x', 5000);
  FILE *file = fopen(path, "wb");
  uint64_t x = lab_rng_next(seed);
  open_small((x >> 8) % 4 ? 0 : (x >> 16) % 2000,
             (x >> 10) % 4 ? 0 : (x >> 30) % 300000);
  for (unsigned i = x % 200; i > 0; i--)
    random_call(seed);
  lab_trace_start(x >> 40);
  for (unsigned i = (x >> 40) % 3000; i > 0; i--) {
    random_call(seed);
    if (i % 100 == 0)
      drain(file, x >> 63);
  }
  finish(file);
  memset(dump, 0, 5000);
}

static void test_random(void **state) {
  (void)state;
  const char *given = getenv("SEED");
  uint64_t seed = given ? strtoull(given, NULL, 0) : lab_clock_real();
  const char *times = getenv("TRACES");
  for (int i = times ? atoi(times) : 8; i > 0; i--) {
    printf("SEED=%llu\n", (unsigned long long)seed);
    random_trace(&seed);
    accept();
    if (getenv("KEEP"))
      keep(i);
  }
}

/* ---- all ----------------------------------------------------------------- */

static int make_file(void **state) {
  (void)state;
  int fd = mkstemp(write_temp_name(path, "lab-trace"));
  return fd < 0 ? -1 : close(fd);
}

static int remove_file(void **state) {
  (void)state;
  return unlink(path);
}

int main(void) {
  const struct CMUnitTest with_go[] = {
      cmocka_unit_test(test_story),       cmocka_unit_test(test_truth),
      cmocka_unit_test(test_nobody_runs), cmocka_unit_test(test_limits),
      cmocka_unit_test(test_names),       cmocka_unit_test(test_odd_regions),
      cmocka_unit_test(test_random),
  };
  const struct CMUnitTest alone[] = {cmocka_unit_test(test_one_at_a_time)};
  int failed = cmocka_run_group_tests(alone, NULL, NULL);
  if (system("command -v go >/dev/null") != 0)
    return failed;
  return failed + cmocka_run_group_tests(with_go, make_file, remove_file);
}
