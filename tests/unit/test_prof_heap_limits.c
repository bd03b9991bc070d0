/* SPDX-License-Identifier: MIT
 * A step that allocates at more places and sizes than the heap profile has
 * buckets: every byte is found again, and later steps have room. */
#include "prof_worker.h"

#include "base/thread.h"
#include "mem/mem.h"
#include "mem/sample.h"
#include "pprof/decode.h"
#include "prof/heap.h"
#include "prof/heap_internal.h"
#include "prof/heap_table.h"
#include "prof/heap_write.h"
#include "prof/label.h"

enum { ALLOC_OBJECTS, ALLOC_SPACE, INUSE_OBJECTS, INUSE_SPACE };

static uint32_t vm_stack, vm_generation, vm_label;

static void capture_vm(lab_mem_sample *sample) {
  sample->stack = vm_stack;
  sample->owner = vm_generation;
  sample->label = vm_label;
}

enum { FLOOD = LAB_HEAP_LIMIT };

static int64_t sum_of_decoded(const lab_pprof *p, const char *function,
                              int type) {
  int64_t sum = 0;
  for (size_t i = 0; i < p->nsamples; i++) {
    const lab_pprof_sample *s = &p->samples[i];
    uint32_t leaf = p->locations[s->locations[0]].lines[0].function;
    if (!function || strcmp(p->functions[leaf].name, function) == 0)
      sum += s->values[type];
  }
  return sum;
}

/* The fixture's reader has no room for so many samples. FUNCTION: of which the
 * leaf is this one; NULL: of all. */
static int64_t sum_of(const lab_heap_snapshot *now,
                      const lab_heap_snapshot *before, const char *function,
                      int type) {
  lab_buf out = LAB_BUF_INIT;
  lab_pprof *p;
  lab_err err;
  assert_int_equal(lab_heap_write(now, before, NULL, &out), 0);
  assert_int_equal(lab_pprof_decode(&p, out.data, out.len, NULL, &err), 0);
  int64_t sum = sum_of_decoded(p, function, type);
  lab_pprof_free(p);
  lab_buf_free(&out);
  return sum;
}

static uint32_t numbered_stack(int i) {
  lab_frame f[] = {lab_frame_script(lab_func_pseudo("lua.numbered"), i),
                   lab_frame_script(lab_func_pseudo("main.handler"), 0)};
  return lab_stack_intern(f, 2);
}

/* Of a stack of one size each, and of one of many sizes. */
static void flood_heap(uint32_t generation) {
  vm_generation = generation;
  for (int i = 1; i <= FLOOD; i++) {
    vm_stack = worker_stack("lua.sizes");
    lab_mem_free(lab_mem_alloc((size_t)i), (size_t)i);
    vm_stack = numbered_stack(i);
    lab_mem_free(lab_mem_alloc(8), 8);
  }
}

static fx_profile *read_next_step(const lab_heap_snapshot *now) {
  lab_buf out = LAB_BUF_INIT;
  assert_int_equal(lab_heap_write(now, NULL, NULL, &out), 0);
  return fx_read(&out);
}

static void check_next_step(void) {
  vm_generation = 31;
  vm_label = lab_label_intern(31, "next", "/");
  vm_stack = worker_stack("lua.next");
  void *p = lab_mem_alloc(77);
  lab_heap_snapshot *now = lab_heap_take();
  fx_profile *profile = read_next_step(now);
  assert_int_equal(profile->nsamples, 1);
  assert_true(fx_has_label(profile, &profile->samples[0], "step", "next"));
  assert_int_equal(fx_flat(profile, "lua.next", INUSE_SPACE), 77);
  fx_free(profile);
  lab_heap_snapshot_free(now);
  lab_mem_free(p, 77);
}

/* FIRST was taken before the flood, FULL after it. */
static void check_flood(const lab_heap_snapshot *first,
                        const lab_heap_snapshot *full) {
  int64_t bytes = (int64_t)FLOOD * (FLOOD + 1) / 2;
  const char *rest = "[too many allocation sites]";
  assert_int_equal(sum_of(full, first, NULL, ALLOC_OBJECTS), 2 * FLOOD);
  assert_int_equal(sum_of(full, first, NULL, ALLOC_SPACE), bytes + 8 * FLOOD);
  assert_int_equal(sum_of(full, first, "lua.sizes", ALLOC_SPACE), bytes);
  int64_t named = sum_of(full, first, "lua.numbered", ALLOC_OBJECTS);
  assert_int_equal(sum_of(full, first, rest, ALLOC_OBJECTS), FLOOD - named);
  assert_in_range(named, LAB_HEAP_LIMIT / 2, FLOOD - 1);
}

static void flood_and_leave(void *arg) {
  (void)arg;
  lab_heap_set_vm_thread();
  lab_heap_mark(30);
  vm_label = lab_label_intern(30, "flood", "/");
  vm_stack = worker_stack("lua.kept");
  vm_generation = 30;
  void *kept = lab_mem_alloc(55);
  lab_heap_snapshot *first = lab_heap_take();
  flood_heap(30);
  assert_in_range(lab_heap_count() - first->n, LAB_HEAP_LIMIT,
                  LAB_HEAP_LIMIT + LAB_HEAP_MIXED + 1);
  lab_heap_snapshot *full = lab_heap_take();
  check_flood(first, full);
  lab_heap_mark(0);
  lab_heap_mark(31);
  assert_int_equal(lab_heap_count(), 0);
  lab_heap_snapshot *joined = lab_heap_take();
  assert_true(joined->n < 2 * LAB_HEAP_KEPT);
  lab_heap_snapshot_free(joined);
  check_next_step();
  lab_heap_snapshot *now = lab_heap_take();
  /* Nothing but the next step's was allocated meanwhile. */
  assert_int_equal(sum_of(now, full, NULL, ALLOC_SPACE), 77);
  assert_int_equal(sum_of(now, full, "lua.next", ALLOC_SPACE), 77);
  assert_int_equal(sum_of(now, first, NULL, ALLOC_OBJECTS), 2 * FLOOD + 1);
  lab_heap_whole(now);
  assert_int_equal(sum_of(now, NULL, "lua.kept", INUSE_SPACE), 55);
  lab_mem_free(kept, 55);
  lab_heap_snapshot *end = lab_heap_take();
  assert_int_equal(sum_of(end, now, "lua.kept", INUSE_SPACE), -55);
  lab_heap_snapshot_free(first);
  lab_heap_snapshot_free(full);
  lab_heap_snapshot_free(now);
  lab_heap_snapshot_free(end);
}

static size_t count_places(void) {
  lab_heap_snapshot *now = lab_heap_take();
  size_t n = now->n;
  lab_heap_snapshot_free(now);
  return n;
}

/* A bucket can't move while one of its samples is in use. */
static void keep_the_last_bucket(void *arg) {
  (void)arg;
  lab_heap_set_vm_thread();
  lab_heap_mark(40);
  vm_label = lab_label_intern(40, "flood", "/");
  flood_heap(40);
  vm_stack = worker_stack("lua.late");
  void *late = lab_mem_alloc(66);
  lab_heap_mark(0);
  lab_heap_mark(41);
  assert_true(count_places() > LAB_HEAP_LIMIT);
  lab_mem_free(late, 66);
  lab_heap_mark(0);
  lab_heap_mark(42);
  assert_true(count_places() < 2 * LAB_HEAP_KEPT);
}

static void run_on_vm_thread(void (*main)(void *arg)) {
  lab_thread *t;
  assert_int_equal(lab_thread_start(&t, "vm", main, NULL), 0);
  lab_thread_join(t);
}

static void a_step_has_so_many_buckets(void **state) {
  (void)state;
  run_on_vm_thread(flood_and_leave);
}

static void free_places_are_given_back_later(void **state) {
  (void)state;
  run_on_vm_thread(keep_the_last_bucket);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_step_has_so_many_buckets),
      cmocka_unit_test(free_places_are_given_back_later),
  };
  if (lab_mem_init())
    return 1;
  lab_thread_adopt("main");
  lab_mem_set_rate(1);
  lab_heap_init(capture_vm);
  int failed = cmocka_run_group_tests(tests, NULL, NULL);
  lab_thread_abandon();
  return failed;
}
