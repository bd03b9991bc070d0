/* SPDX-License-Identifier: MIT
 * The heap profile at rate 1, where every byte must be found again: binary,
 * delta and text form, the last also as go tool pprof reads it. */
#include "prof_worker.h"

#include <inttypes.h>
#include <unistd.h>

#include "base/thread.h"
#include "mem/mem.h"
#include "mem/sample.h"
#include "prof/export.h"
#include "prof/heap.h"
#include "prof/heap_internal.h"
#include "prof/heap_text.h"
#include "prof/heap_write.h"
#include "prof/label.h"
#include "prof/registry.h"
#include "stack/unwind.h"
#include "temp_name.h"

enum { SMALL = 100, LARGE = 5000, BLOCKS = 10 };

static void *blocks[BLOCKS];

__attribute__((noinline)) void take_small(void);
__attribute__((noinline)) void take_small(void) {
  for (int i = 0; i < BLOCKS; i++)
    blocks[i] = lab_mem_alloc(SMALL);
}

__attribute__((noinline)) void take_large(void);
__attribute__((noinline)) void take_large(void) {
  void *p = lab_mem_alloc(LARGE);
  void *larger = lab_mem_realloc(p, LARGE, 2 * LARGE);
  lab_mem_free(larger ? larger : p, larger ? 2 * LARGE : LARGE);
}

__attribute__((noinline)) void allocating_job(lab_job *job);
__attribute__((noinline)) void allocating_job(lab_job *job) {
  (void)job;
  take_small();
  take_large();
}

static void freeing_job(lab_job *job) {
  (void)job;
  for (int i = 0; i < BLOCKS; i++)
    lab_mem_free(blocks[i], SMALL);
}

static void run(void (*job)(lab_job *)) {
  worker_run_job(job, worker_stack("lua.allocate"),
                 lab_label_intern(0, "memory", "/"));
}

static fx_profile *read_profile(const lab_heap_snapshot *now,
                                const lab_heap_snapshot *before,
                                const char *type) {
  lab_buf out = LAB_BUF_INIT;
  assert_int_equal(lab_heap_write(now, before, type, &out), 0);
  return fx_read(&out);
}

enum { ALLOC_OBJECTS, ALLOC_SPACE, INUSE_OBJECTS, INUSE_SPACE };

static void check_sample(const fx_profile *p, const fx_sample *s) {
  size_t n = s->nframes;
  assert_true(fx_frame_is(p, s, 0, "take_small") ||
              fx_frame_is(p, s, 0, "take_large"));
  assert_true(fx_frame_is(p, s, n - 1, "main.handler"));
  assert_true(fx_frame_is(p, s, n - 2, "lua.allocate"));
  assert_true(fx_frame_is(p, s, n - 3, "allocating_job"));
  assert_true(fx_has_label(p, s, "step", "memory"));
  assert_int_equal(s->nlabels, 3);
  int64_t bytes = 0;
  for (size_t i = 0; i < s->nlabels; i++)
    if (fx_is(p, s->labels[i].key, "bytes"))
      bytes = s->labels[i].num;
  assert_int_equal(s->values[ALLOC_SPACE], s->values[ALLOC_OBJECTS] * bytes);
}

static void every_byte_is_found(void **state) {
  (void)state;
  lab_heap_snapshot *before = lab_heap_take();
  assert_int_equal(before->n, 0);
  run(allocating_job);
  lab_heap_snapshot *during = lab_heap_take();
  run(freeing_job);
  lab_heap_snapshot *after = lab_heap_take();

  fx_profile *p = read_profile(during, NULL, NULL);
  assert_int_equal(fx_flat(p, "take_small", INUSE_OBJECTS), BLOCKS);
  assert_int_equal(fx_flat(p, "take_small", INUSE_SPACE), BLOCKS * SMALL);
  assert_int_equal(fx_flat(p, "take_large", ALLOC_OBJECTS), 2);
  assert_int_equal(fx_flat(p, "take_large", ALLOC_SPACE), 3 * LARGE);
  assert_int_equal(fx_flat(p, "take_large", INUSE_SPACE), 0);
  assert_int_equal(fx_cum(p, NULL, ALLOC_SPACE), BLOCKS * SMALL + 3 * LARGE);
  assert_int_equal(p->default_type, 0);
  assert_int_equal(p->period, 1);
  for (size_t i = 0; i < p->nsamples; i++)
    check_sample(p, &p->samples[i]);
  fx_free(p);

  p = read_profile(after, NULL, "alloc_space");
  assert_int_equal(fx_cum(p, NULL, INUSE_OBJECTS), 0);
  assert_int_equal(fx_cum(p, NULL, INUSE_SPACE), 0);
  assert_int_equal(fx_cum(p, NULL, ALLOC_SPACE), BLOCKS * SMALL + 3 * LARGE);
  assert_true(fx_is(p, p->default_type, "alloc_space"));
  fx_free(p);

  p = read_profile(after, during, NULL); /* a delta: only frees happened */
  assert_int_equal(p->nsamples, 1);
  assert_int_equal(fx_flat(p, "take_small", ALLOC_SPACE), 0);
  assert_int_equal(fx_flat(p, "take_small", INUSE_OBJECTS), -BLOCKS);
  assert_int_equal(fx_flat(p, "take_small", INUSE_SPACE), -BLOCKS * SMALL);
  fx_free(p);

  p = read_profile(after, after, NULL);
  assert_int_equal(p->nsamples, 0);
  fx_free(p);
  lab_heap_snapshot_free(before);
  lab_heap_snapshot_free(during);
  lab_heap_snapshot_free(after);
}

/* ---- text ------------------------------------------------------------------
 */

/* The text form, with a final 0. */
static char *text_of_now(void) {
  lab_heap_snapshot *s = lab_heap_take();
  lab_buf out = LAB_BUF_INIT;
  lab_heap_write_text(s, &out);
  lab_heap_snapshot_free(s);
  lab_buf_putc(&out, '\0');
  return out.data;
}

static const char *after_line(const char *text) {
  const char *end = strchr(text, '\n');
  assert_non_null(end);
  return end + 1;
}

static void text_is_as_go_writes_it(void **state) {
  (void)state;
  run(allocating_job);
  char *text = text_of_now();
  /* The test above has left its share. */
  unsigned long n[5];
  assert_int_equal(sscanf(text, "heap profile: %lu: %lu [%lu: %lu] @ heap/%lu",
                          &n[0], &n[1], &n[2], &n[3], &n[4]),
                   5);
  assert_int_equal(n[0], BLOCKS);
  assert_int_equal(n[1], BLOCKS * SMALL);
  assert_int_equal(n[2], 2 * (BLOCKS + 2));
  assert_int_equal(n[3], 2 * (BLOCKS * SMALL + 3 * LARGE));
  assert_int_equal(n[4], 2);
  /* What is in use comes first: its leaf, then who called it. */
  const char *line = after_line(text);
  assert_memory_equal(line, "10: 1000 [20: 2000] @ 0x", 24);
  uint64_t pc, leaf, offset;
  assert_int_equal(sscanf(strchr(line, '@'), "@ %" SCNx64, &pc), 1);
  line = after_line(line);
  assert_int_equal(
      sscanf(line, "#\t%" SCNx64 "\ttake_small+%" SCNx64 "\t", &leaf, &offset),
      2);
  assert_int_equal(pc, leaf + 1);
  assert_int_equal(leaf - offset, (uintptr_t)take_small);
  assert_non_null(strstr(line, "/test_prof_heap.c:"));
  assert_non_null(strstr(line, "\tlua.allocate+0x0\t"));
  assert_non_null(strstr(text, "\n\n\n# runtime.MemStats\n# Alloc = "));
  assert_non_null(strstr(text, "\n# DebugGC = false\n# MaxRSS = "));
  lab_xfree(text);
  run(freeing_job);
}

static char *output_of(const char *command) {
  lab_buf out = LAB_BUF_INIT;
  FILE *f = popen(command, "r");
  assert_non_null(f);
  for (size_t n = 1; n > 0; out.len += n) {
    char *to = lab_buf_reserve(&out, 4096);
    n = fread(to, 1, 4096, f);
  }
  assert_int_equal(pclose(f), 0);
  lab_buf_putc(&out, '\0');
  return out.data;
}

static void go_tool_reads_the_text(void **state) {
  (void)state;
  if (system("go version >/dev/null 2>&1") != 0)
    skip();
  run(allocating_job);
  char *text = text_of_now();
  char path[TEMP_NAME], command[256];
  int fd = mkstemp(write_temp_name(path, "prof-heap"));
  size_t len = strlen(text);
  assert_int_equal(write(fd, text, len), (ssize_t)len);
  close(fd);
  snprintf(command, sizeof command,
           "go tool pprof -symbolize=none -raw %s 2>/dev/null", path);
  char *raw = output_of(command);
  unlink(path);
  /* Its own places are addresses; one sample a record, unsampled at rate 1. */
  assert_non_null(strstr(raw, "inuse_space/bytes"));
  uint64_t pc, count = 0;
  assert_int_equal(sscanf(strchr(text, '@'),
                          "@ heap/2\n%*s %*s [%*s %*s @ "
                          "%" SCNx64,
                          &pc),
                   1);
  char address[32];
  snprintf(address, sizeof address, "%#" PRIx64, pc - 1);
  assert_non_null(strstr(raw, address));
  char lua[32];
  lab_frame frame = lab_frame_script(lab_func_pseudo("lua.allocate"), 0);
  snprintf(lua, sizeof lua, "%#" PRIx64, lab_text_address(frame, false));
  assert_non_null(strstr(raw, lua));
  for (const char *at = raw; (at = strstr(at, "bytes:[")); at++)
    count++;
  assert_int_equal(count, lab_heap_count());
  lab_xfree(raw);
  lab_xfree(text);
  run(freeing_job);
}

static void nothing_outside_jobs_is_recorded(void **state) {
  (void)state;
  lab_heap_snapshot *before = lab_heap_take();
  lab_mem_free(lab_mem_alloc(123), 123);
  worker_run_job(allocating_job, 0, 0); /* a job of the lab itself */
  worker_run_job(freeing_job, 0, 0);
  lab_heap_snapshot *after = lab_heap_take();
  fx_profile *p = read_profile(after, before, NULL);
  assert_int_equal(p->nsamples, 0);
  fx_free(p);
  lab_heap_snapshot_free(before);
  lab_heap_snapshot_free(after);
}

static uint32_t vm_stack, vm_calls, vm_generation;

static void capture_vm(lab_mem_sample *sample) {
  vm_calls++;
  sample->stack = vm_stack;
  sample->owner = vm_generation;
}

static void vm_main(void *arg) {
  (void)arg;
  lab_heap_set_vm_thread();
  lab_mem_free(lab_mem_alloc(77), 77);
}

static void the_vm_says_where_it_is(void **state) {
  (void)state;
  lab_thread *t;
  vm_stack = worker_stack("lua.in_vm");
  assert_int_equal(lab_thread_start(&t, "vm", vm_main, NULL), 0);
  lab_thread_join(t);
  lab_heap_snapshot *now = lab_heap_take();
  fx_profile *p = read_profile(now, NULL, NULL);
  assert_int_equal(fx_flat(p, "lua.in_vm", ALLOC_SPACE), 77);
  assert_int_equal(vm_calls, 1);
  fx_free(p);
  lab_heap_snapshot_free(now);
}

/* ---- steps ---------------------------------------------------------------
 */

static void *blocks_of[8];

/* Takes SIZE bytes, as code of GENERATION. */
static void take_as(uint32_t generation, size_t size) {
  vm_generation = generation;
  blocks_of[generation] = lab_mem_alloc(size);
}

/* Bytes of the present step: allocated since the mark, and in use; then of all.
 */
static void check_step(int64_t allocated, int64_t inuse, int64_t all) {
  lab_heap_snapshot *now = lab_heap_take();
  fx_profile *p = read_profile(now, NULL, NULL);
  assert_int_equal(fx_flat(p, "lua.steps", ALLOC_SPACE), allocated);
  assert_int_equal(fx_flat(p, "lua.steps", INUSE_SPACE), inuse);
  fx_free(p);
  lab_heap_whole(now);
  p = read_profile(now, NULL, NULL);
  assert_int_equal(fx_flat(p, "lua.steps", INUSE_SPACE), all);
  fx_free(p);
  lab_heap_snapshot_free(now);
}

static void run_steps(void *arg) {
  (void)arg;
  lab_heap_set_vm_thread();
  lab_heap_mark(1);
  take_as(1, 1000);
  check_step(1000, 1000, 1000);
  take_as(2, 2000); /* a step that isn't entered after all */
  take_as(3, 3000); /* is loaded while step 1 is served */
  check_step(1000, 1000, 6000);
  lab_heap_mark(0);
  check_step(0, 0, 6000);
  lab_heap_mark(3);
  check_step(0, 3000, 6000);
  take_as(4, 100); /* loaded; the mark doesn't come yet */
  lab_mem_free(blocks_of[1], 1000);
  blocks_of[3] = lab_mem_realloc(blocks_of[3], 3000, 500);
  take_as(1, 10); /* a task that hasn't ended yet */
  check_step(0, 500, 2610);
  lab_mem_free(blocks_of[4], 100);
  lab_heap_mark(4);
  check_step(0, 0, 2510);
  for (int i = 1; i <= 3; i++)
    lab_mem_free(blocks_of[i], i == 1 ? 10 : i == 2 ? 2000 : 500);
  check_step(0, 0, 0);
  lab_heap_mark(0);
}

static void each_step_has_its_own(void **state) {
  (void)state;
  lab_thread *t;
  vm_stack = worker_stack("lua.steps");
  assert_int_equal(lab_thread_start(&t, "vm", run_steps, NULL), 0);
  lab_thread_join(t);
  vm_generation = 0;
}

static void two_names_for_one_profile(void **state) {
  (void)state;
  lab_registry_add_heap();
  const lab_profile_kind *all[LAB_REGISTRY_MAX];
  assert_int_equal(lab_registry_list(all), 2);
  const lab_profile_kind *allocs = all[0];
  assert_string_equal(allocs->name, "allocs");
  assert_ptr_equal(lab_registry_find("heap"), all[1]);
  assert_null(lab_registry_find("hea"));
  assert_int_equal(allocs->count(allocs), lab_heap_count());
  void *now = allocs->take(allocs);
  lab_buf out = LAB_BUF_INIT;
  assert_int_equal(allocs->write(now, NULL, &out), 0);
  allocs->free(now);
  fx_profile *p = fx_read(&out);
  assert_true(fx_is(p, p->default_type, "alloc_space"));
  fx_free(p);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_byte_is_found),
      cmocka_unit_test(text_is_as_go_writes_it),
      cmocka_unit_test(go_tool_reads_the_text),
      cmocka_unit_test(nothing_outside_jobs_is_recorded),
      cmocka_unit_test(the_vm_says_where_it_is),
      cmocka_unit_test(each_step_has_its_own),
      cmocka_unit_test(two_names_for_one_profile),
  };
  if (lab_mem_init())
    return 1;
  lab_thread_adopt("main");
  if (lab_unwind_init())
    return 1;
  lab_unwind_end_at((const void *)lab_worker_run);
  lab_mem_set_rate(1);
  lab_heap_init(capture_vm);
  int failed = cmocka_run_group_tests(tests, NULL, NULL);
  lab_thread_abandon();
  return failed;
}
