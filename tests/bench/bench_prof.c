/* SPDX-License-Identifier: MIT
 * How long a large CPU profile takes to write: 100,000 different stacks of 24
 * frames, half of them native (places in this program and its libraries), half
 * Lua. The first profile of a process pays for finding the names, later ones
 * find them in the cache: both are shown. The goal is less than a second.
 *
 * Beside it: what a sample costs from the ring into a session. */
#include <stdio.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/rng.h"
#include "prof/export.h"
#include "prof/keymap.h"
#include "stack/merge.h"
#include "stack/stack.h"
#include "stack/symbols.h"
#include "stack/unwind.h"

enum {
  STACKS = 100000,
  NATIVE = 12,
  LUA = 12,
  PLACES = 4000, /* native ones */
  FUNCTIONS = 500,
  LINES = 8,
  ROUNDS = 5,
};

static lab_frame places[PLACES];
static uint32_t functions[FUNCTIONS];
static uint32_t stacks[STACKS];

/* Places all over the code of the program: by its own mapping. */
static void make_places(void) {
  const lab_mapping *m;
  LAB_ASSERT(lab_symbols_mappings(&m) > 0);
  for (uint32_t i = 0; i < PLACES; i++)
    places[i] = m[0].start + (m[0].limit - m[0].start) / PLACES * i + 1;
  for (int i = 0; i < FUNCTIONS; i++) {
    char name[32];
    snprintf(name, sizeof name, "scenario.function%d", i);
    functions[i] = lab_func_pseudo(name);
  }
}

/* Stacks from a tree: few frames near the root, many near the leaf. */
static lab_frame frame_at(size_t depth, uint64_t choice) {
  uint64_t h = lab_hash_u64(choice * 64 + depth);
  if (depth < LUA)
    return lab_frame_script(functions[h % FUNCTIONS],
                            1 + (int)(h >> 32) % LINES);
  return places[h % PLACES];
}

static void make_stacks(void) {
  uint64_t seed = 1;
  for (size_t i = 0; i < STACKS; i++) {
    lab_frame frames[NATIVE + LUA];
    for (size_t depth = 0; depth < NATIVE + LUA; depth++)
      frames[NATIVE + LUA - 1 - depth] =
          frame_at(depth, lab_rng_next(&seed) % (2ull << depth));
    stacks[i] = lab_stack_intern(frames, NATIVE + LUA);
  }
}

static uint64_t write_profile(size_t *size) {
  static const lab_profile_type types[] = {{"samples", "count"},
                                           {"cpu", "nanoseconds"}};
  const lab_profile_config config = {
      .types = types, .ntypes = 2, .period_type = types[1], .period = 10000000};
  const int64_t values[] = {1, 10000000};
  lab_buf out = LAB_BUF_INIT;
  uint64_t began = lab_clock_mono();
  lab_export *e = lab_export_new(&config, 0);
  for (size_t i = 0; i < STACKS; i++)
    lab_export_sample(e, stacks[i], 0, 0, values);
  LAB_ASSERT(lab_export_finish(e, &out) == 0);
  lab_export_free(e);
  uint64_t took = lab_clock_mono() - began;
  *size = out.len;
  lab_buf_free(&out);
  return took;
}

/* Merging native frames onto a base and counting, for stacks that exist. */
static double sample_ns(void) {
  enum { SAMPLES = 1000000 };
  lab_keymap keys = {0};
  lab_frame native[] = {places[1], places[2] + 1, places[3] + 1};
  uint64_t began = lab_clock_mono();
  for (size_t i = 0; i < SAMPLES; i++) {
    uint32_t stack = lab_stack_merge(native, 3, stacks[i % 100]);
    lab_keymap_add(&keys, (lab_key){stack, 0, 0});
  }
  uint64_t took = lab_clock_mono() - began;
  lab_keymap_free(&keys);
  return (double)took / SAMPLES;
}

int main(void) {
  size_t size;
  LAB_ASSERT(lab_unwind_init() == 0);
  make_places();
  make_stacks();
  double first = (double)write_profile(&size) / 1e6, best = first;
  for (int i = 0; i < ROUNDS; i++) {
    double ms = (double)write_profile(&size) / 1e6;
    best = ms < best ? ms : best;
  }
  printf("%d stacks of %d frames, %.2f MB\n", STACKS, NATIVE + LUA,
         (double)size / 1e6);
  printf("first profile    %8.1f ms\n", first);
  printf("later profiles   %8.1f ms  (best of %d)\n", best, ROUNDS);
  printf("names of %d places %5.1f ms  (%.0f %% of the first)\n", PLACES,
         first - best, 100 * (first - best) / first);
  printf("merge and count  %8.1f ns/sample\n", sample_ns());
  return 0;
}
