/* SPDX-License-Identifier: MIT
 * What counting and sampling cost: ns per allocation + free, beside the same
 * arena without them (mallocx with arena and cache), plain malloc (jemalloc's,
 * since it is linked) and glibc's own malloc, all in the same run. Ratios are
 * to the bare arena.
 *
 * Two workloads of blocks of 16 to 271 bytes: `pair` frees each block at once;
 * `live` keeps 20,000 blocks and replaces them in random order, as a Lua heap
 * does. All contestants are called through the same pointers, and take turns,
 * so that a slow moment of the machine hits all; the best round counts. */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/rng.h"
#include "mem/arena.h"
#include "mem/counters.h"
#include "mem/mem.h"
#include "mem/sample.h"

enum { LIVE = 20000, OPS = 1000000, SIZES = 4096, ROUNDS = 15 };

typedef struct contestant {
  const char *name;
  void *(*alloc)(size_t size);
  void (*free)(void *p, size_t size);
  uint64_t rate;
  double pair, live; /* ns, best round */
} contestant;

static size_t sizes[SIZES];
static uint32_t order[OPS];
static void *blocks[LIVE];
static size_t block_sizes[LIVE];

static void *(*glibc_malloc)(size_t);
static void (*glibc_free)(void *);

static void *from_glibc(size_t size) {
  return glibc_malloc(size);
}

static void to_glibc(void *p, size_t size) {
  (void)size;
  glibc_free(p);
}

static void *from_malloc(size_t size) {
  return malloc(size);
}

static void to_malloc(void *p, size_t size) {
  (void)size;
  free(p);
}

static void *from_arena(size_t size) {
  return lab_arena_alloc(lab_mem_tls.cache, size);
}

static void to_arena(void *p, size_t size) {
  lab_arena_free(lab_mem_tls.cache, p, size);
}

static contestant contestants[] = {
    {"arena, bare", from_arena, to_arena, 0, 0, 0},
    {"lab_mem, sampling off", lab_mem_alloc, lab_mem_free, 0, 0, 0},
    {"lab_mem, 512 KiB", lab_mem_alloc, lab_mem_free, 512 << 10, 0, 0},
    {"lab_mem, 64 KiB", lab_mem_alloc, lab_mem_free, 64 << 10, 0, 0},
    {"malloc (jemalloc)", from_malloc, to_malloc, 0, 0, 0},
    {"malloc (glibc)", from_glibc, to_glibc, 0, 0, 0},
};
enum { CONTESTANTS = sizeof contestants / sizeof *contestants };

/* ---- a sink that costs next to nothing ------------------------------------
 */

static uint64_t samples;

static void capture(lab_mem_sample *sample) {
  sample->stack = 1;
}

static void count_allocated(lab_mem_sample *sample) {
  samples += sample->stack;
}

static void count_freed(const lab_mem_sample *sample) {
  samples += sample->stack;
}

static const lab_mem_sink sink = {capture, count_allocated, count_freed, NULL};

/* ---- workloads ------------------------------------------------------------
 */

static double run_pair(const contestant *c) {
  uint64_t began = lab_clock_mono();
  for (size_t i = 0; i < OPS; i++) {
    size_t size = sizes[i % SIZES];
    char *p = c->alloc(size);
    *(volatile char *)p = 1;
    c->free(p, size);
  }
  return (double)(lab_clock_mono() - began) / OPS;
}

static double run_live(const contestant *c) {
  for (size_t i = 0; i < LIVE; i++)
    blocks[i] = c->alloc(block_sizes[i] = sizes[i % SIZES]);
  uint64_t began = lab_clock_mono();
  for (size_t i = 0; i < OPS; i++) {
    size_t at = order[i];
    c->free(blocks[at], block_sizes[at]);
    block_sizes[at] = sizes[i % SIZES];
    blocks[at] = c->alloc(block_sizes[at]);
    *(volatile char *)blocks[at] = 1;
  }
  double ns = (double)(lab_clock_mono() - began) / OPS;
  for (size_t i = 0; i < LIVE; i++)
    c->free(blocks[i], block_sizes[i]);
  return ns;
}

static void keep_best(double *best, double ns) {
  if (*best == 0 || ns < *best)
    *best = ns;
}

/* The libc below jemalloc: asked by its own handle, it answers itself. */
static void find_glibc(void) {
  void *libc = dlopen("libc.so.6", RTLD_LAZY);
  LAB_ASSERT(libc);
  *(void **)&glibc_malloc = dlsym(libc, "__libc_malloc");
  *(void **)&glibc_free = dlsym(libc, "__libc_free");
  LAB_ASSERT(glibc_malloc && glibc_free);
}

static void prepare(void) {
  uint64_t seed = 1;
  LAB_ASSERT(lab_mem_init() == 0);
  lab_mem_set_sink(&sink);
  find_glibc();
  for (size_t i = 0; i < SIZES; i++)
    sizes[i] = 16 + lab_rng_next(&seed) % 256;
  for (size_t i = 0; i < OPS; i++)
    order[i] = (uint32_t)(lab_rng_next(&seed) % LIVE);
}

int main(void) {
  prepare();
  for (int round = 0; round < ROUNDS; round++)
    for (int i = 0; i < CONTESTANTS; i++) {
      contestant *c = &contestants[i];
      lab_mem_set_rate(c->rate);
      keep_best(&c->pair, run_pair(c));
      keep_best(&c->live, run_live(c));
    }
  printf("ns per allocation + free, best of %d rounds of %d\n", ROUNDS, OPS);
  printf("%-24s %8s %7s %8s %7s\n", "", "pair", "ratio", "live", "ratio");
  for (int i = 0; i < CONTESTANTS; i++) {
    const contestant *c = &contestants[i];
    printf("%-24s %8.1f %7.2f %8.1f %7.2f\n", c->name, c->pair,
           c->pair / contestants[0].pair, c->live,
           c->live / contestants[0].live);
  }
  return samples > 0 ? 0 : 1;
}
