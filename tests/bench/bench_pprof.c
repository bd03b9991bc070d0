/* SPDX-License-Identifier: MIT
 * How long a large profile takes: a million sample calls on 100,000 different
 * stacks of 24 frames (8000 locations in 2000 functions), then encoding and
 * gzip. Beside it, as the floor, zlib alone on the very same bytes: what no
 * encoder could do better.
 *
 * The stacks come from a tree, as real ones do: the frames near the root are
 * few, those near the leaf many. */
#include <stdio.h>
#include <zlib.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/rng.h"
#include "pprof/encode.h"
#include "pprof/profile.h"

enum {
  FUNCTIONS = 2000,
  LOCATIONS = 8000,
  STACKS = 100000,
  FRAMES = 24,
  SAMPLES = 1000000,
  ROUNDS = 5,
};

typedef struct times {
  uint64_t samples, encode, gzip, floor;
} times;

static const lab_profile_type types[] = {{"samples", "count"},
                                         {"cpu", "nanoseconds"}};
static const lab_profile_config config = {.types = types,
                                          .ntypes = 2,
                                          .period_type = {"cpu", "nanoseconds"},
                                          .period = 10000000};

static uint64_t stacks[STACKS][FRAMES];

/* Frame J from the root is one of about 2^(J/2+1) places of its own. */
static void make_stacks(void) {
  uint64_t seed = 1;
  for (size_t i = 0; i < STACKS; i++)
    for (size_t j = 0; j < FRAMES; j++) {
      uint64_t choice = lab_rng_next(&seed) % (2ull << (j / 2));
      uint64_t place = (choice + 1) * 2654435761u + j * 40503u;
      stacks[i][FRAMES - 1 - j] = place % LOCATIONS + 1;
    }
}

static void add_locations(lab_profile *p) {
  uint64_t functions[FUNCTIONS];
  for (int i = 0; i < FUNCTIONS; i++) {
    char name[32];
    snprintf(name, sizeof name, "scenario.function%d", i);
    functions[i] = lab_profile_function(p, name, "/src/scenario.lua", i);
  }
  for (int i = 0; i < LOCATIONS; i++)
    lab_profile_location(p, 0, 0, functions[i % FUNCTIONS], i);
}

static void add_samples(lab_profile *p) {
  static const int64_t values[] = {1, 10000000};
  uint64_t seed = 2;
  for (int i = 0; i < SAMPLES; i++) {
    size_t s = i < STACKS ? (size_t)i : lab_rng_next(&seed) % STACKS;
    lab_profile_sample(p, stacks[s], FRAMES, values, NULL, 0);
  }
}

/* Returns the compressed size. */
static size_t compress_only(const lab_buf *raw) {
  z_stream z = {.next_in = (Bytef *)raw->data, .avail_in = (uInt)raw->len};
  LAB_ASSERT(deflateInit2(&z, 1, Z_DEFLATED, MAX_WBITS + 16, 8, 0) == Z_OK);
  uLong size = deflateBound(&z, raw->len);
  z.next_out = lab_xmalloc(size);
  z.avail_out = (uInt)size;
  Bytef *out = z.next_out;
  LAB_ASSERT(deflate(&z, Z_FINISH) == Z_STREAM_END);
  deflateEnd(&z);
  lab_xfree(out);
  return z.total_out;
}

/* Keeps the shortest time in *BEST; returns now. */
static uint64_t lap(uint64_t since, uint64_t *best) {
  uint64_t now = lab_clock_mono();
  if (*best == 0 || now - since < *best)
    *best = now - since;
  return lab_clock_mono();
}

static void run(times *best, size_t *raw_size, size_t *gzip_size) {
  lab_buf raw = LAB_BUF_INIT, out = LAB_BUF_INIT;
  uint64_t t = lab_clock_mono();
  lab_profile *p = lab_profile_new(&config);
  add_locations(p);
  add_samples(p);
  t = lap(t, &best->samples);
  lab_profile_finish_raw(p, &raw);
  t = lap(t, &best->encode);
  LAB_ASSERT(lab_profile_finish(p, &out) == 0);
  t = lap(t, &best->gzip);
  size_t alone = compress_only(&raw);
  lap(t, &best->floor);
  LAB_ASSERT(alone == out.len);
  *raw_size = raw.len;
  *gzip_size = out.len;
  lab_profile_free(p);
  lab_buf_free(&raw);
  lab_buf_free(&out);
}

int main(void) {
  times best = {0};
  size_t raw_size, gzip_size;
  make_stacks();
  for (int i = 0; i < ROUNDS; i++)
    run(&best, &raw_size, &gzip_size);
  printf("%d samples, %d stacks of %d frames, best of %d\n", SAMPLES, STACKS,
         FRAMES, ROUNDS);
  printf("add samples    %8.1f ns/sample  %7.1f ms\n",
         (double)best.samples / SAMPLES, (double)best.samples / 1e6);
  printf("encode         %8.2f MB         %7.1f ms\n", (double)raw_size / 1e6,
         (double)best.encode / 1e6);
  printf("encode + gzip  %8.2f MB         %7.1f ms\n", (double)gzip_size / 1e6,
         (double)best.gzip / 1e6);
  printf("zlib alone                         %7.1f ms  (%.2fx)\n",
         (double)best.floor / 1e6, (double)best.gzip / (double)best.floor);
  return 0;
}
