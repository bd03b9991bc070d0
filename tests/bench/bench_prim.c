/* SPDX-License-Identifier: MIT
 * What the copy of random bytes costs beside what it can't do without.
 *
 *   copy_n random   lab_copy_n from the kernel's source into a buffer whose
 *                   memory was touched before, as a ratio to a bare getrandom
 *                   loop over the same number of bytes
 *   prng            lab_prng_read alone, and lab_copy_n from it, beside memset
 *                   and memcpy of the same size
 *
 * The contenders take turns in short rounds, and the best round counts: a
 * machine that is busy with other things disturbs all of them alike.
 *
 *   bench_prim [BYTES]      default 10000000, as in scenario 4 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/err.h"
#include "mem/mem.h"
#include "prim/buffer.h"

enum { ROUNDS = 25 };

static size_t size = 10000000;
static lab_buffer buffer;
static lab_prng prng;
static char *memory, *other;

static void bare_getrandom(void) {
  for (size_t done = 0; done < size;) {
    ssize_t n = getrandom(memory + done, size - done, 0);
    LAB_ASSERT(n > 0 || errno == EINTR);
    done += n > 0 ? (size_t)n : 0;
  }
}

static void copy_from(lab_reader *reader) {
  lab_buffer_reset(&buffer);
  LAB_ASSERT(lab_copy_n(&buffer, reader, size) == (ssize_t)size);
}

static void copy_random(void) {
  copy_from(&lab_random_reader);
}

static void copy_prng(void) {
  copy_from(&prng.reader);
}

static void read_prng(void) {
  LAB_ASSERT(lab_prng_read(&prng.reader, memory, size) == (ssize_t)size);
}

static void plain_memset(void) {
  memset(memory, 1, size);
  __asm__ volatile("" ::: "memory");
}

static void plain_memcpy(void) {
  memcpy(memory, other, size);
  __asm__ volatile("" ::: "memory");
}

static struct contender {
  const char *name;
  void (*run)(void);
  double best; /* bytes per ns, which is GB/s */
} contenders[] = {
    {"bare getrandom loop", bare_getrandom, 0},
    {"lab_copy_n, random", copy_random, 0},
    {"lab_prng_read", read_prng, 0},
    {"lab_copy_n, prng", copy_prng, 0},
    {"memset", plain_memset, 0},
    {"memcpy", plain_memcpy, 0},
};
enum { CONTENDERS = sizeof contenders / sizeof *contenders };

static void round_of(struct contender *c) {
  uint64_t began = lab_clock_mono();
  c->run();
  double speed = (double)size / (double)(lab_clock_mono() - began);
  if (speed > c->best)
    c->best = speed;
}

static void prepare(void) {
  LAB_ASSERT(lab_mem_init() == 0);
  memory = lab_xmalloc(size);
  other = lab_xmalloc(size);
  memset(memory, 1, size);
  memset(other, 2, size);
  lab_prng_init(&prng, 1);
  LAB_ASSERT(lab_buffer_init(&buffer, size + 512) == 0);
  memset(buffer.data, 3, buffer.cap);
}

int main(int argc, char **argv) {
  size = argc > 1 ? strtoull(argv[1], NULL, 10) : size;
  if (size == 0) {
    fprintf(stderr, "usage: bench_prim [BYTES]\n");
    return 2;
  }
  prepare();
  for (int r = 0; r < ROUNDS; r++)
    for (int i = 0; i < CONTENDERS; i++)
      round_of(&contenders[i]);
  for (int i = 0; i < CONTENDERS; i++)
    printf("%-22s %8.3f GB/s\n", contenders[i].name, contenders[i].best);
  printf("copy_n / getrandom     %8.3f (goal >= 0.95)\n",
         contenders[1].best / contenders[0].best);
  printf(
      "prng                   %8.3f GB/s (goal >= 3), %.2f of memset, %.2f of "
      "memcpy\n",
      contenders[2].best, contenders[2].best / contenders[4].best,
      contenders[2].best / contenders[5].best);
  lab_buffer_free(&buffer);
  lab_xfree(memory);
  lab_xfree(other);
  return 0;
}
