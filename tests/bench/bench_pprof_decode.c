/* SPDX-License-Identifier: MIT
 * How long it takes to read a large profile: 100,000 stacks of 24 frames with
 * 8000 locations in 2000 functions; and then to ask for its largest functions.
 *
 *   bench_pprof_decode FILE    writes the profile into FILE for a peer, and
 *                              prints the CPU seconds of the best of five */
#include <stdio.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/rng.h"
#include "pprof/encode.h"
#include "pprof/profile.h"
#include "pprof/query.h"

enum { FUNCTIONS = 2000, LOCATIONS = 8000, STACKS = 100000, FRAMES = 24 };

static const lab_profile_type types[] = {{"samples", "count"},
                                         {"cpu", "nanoseconds"}};

static void encode_stacks(lab_buf *out) {
  static const int64_t values[] = {1, 10000000};
  lab_profile *p = lab_profile_new(
      &(lab_profile_config){.types = types,
                            .ntypes = 2,
                            .period_type = {"cpu", "nanoseconds"},
                            .period = 10000000});
  uint64_t seed = 1, stack[FRAMES];
  for (int i = 0; i < LOCATIONS; i++) {
    char name[32];
    snprintf(name, sizeof name, "scenario.function%d", i % FUNCTIONS);
    uint64_t f = lab_profile_function(p, name, "/src/scenario.lua", 1);
    lab_profile_location(p, 0, 0, f, i);
  }
  for (int i = 0; i < STACKS; i++) {
    for (int j = 0; j < FRAMES; j++)
      stack[j] = lab_rng_next(&seed) % LOCATIONS + 1;
    lab_profile_sample(p, stack, FRAMES, values, NULL, 0);
  }
  LAB_ASSERT(lab_profile_finish(p, out) == 0);
  lab_profile_free(p);
}

static uint64_t read_once(const lab_buf *b) {
  lab_pprof_row rows[5];
  lab_pprof *p;
  uint64_t began = lab_clock_thread_cpu();
  LAB_ASSERT(lab_pprof_decode(&p, b->data, b->len, NULL, NULL) == 0);
  lab_pprof_query *q = lab_pprof_query_new(p, &(lab_pprof_filter){0});
  LAB_ASSERT(lab_pprof_query_top(q, 1, true, rows, 5) == 5);
  lab_pprof_query_free(q);
  lab_pprof_free(p);
  return lab_clock_thread_cpu() - began;
}

int main(int argc, char **argv) {
  lab_buf b = LAB_BUF_INIT;
  uint64_t best = UINT64_MAX;
  encode_stacks(&b);
  if (argc > 1) {
    FILE *f = fopen(argv[1], "wb");
    LAB_ASSERT(f && fwrite(b.data, 1, b.len, f) == b.len && fclose(f) == 0);
  }
  for (int i = 0; i < 5; i++) {
    uint64_t ns = read_once(&b);
    best = ns < best ? ns : best;
  }
  printf("%.4f\n", (double)best / 1e9);
  lab_buf_free(&b);
  return 0;
}
