/* SPDX-License-Identifier: MIT
 * How fast can random bytes be had at all? A bare getrandom loop into memory
 * that has been touched, the most that copy_n could ever reach on a machine.
 * The kernel's generator is the cost, so reads of 10 MB and of 32 KiB differ
 * little; SIZE is that of the scenario, CHUNK that of one read.
 *
 *   getrandom_limit [SECONDS [SIZE [CHUNK]]]     prints bytes per second
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Fills SIZE bytes, CHUNK at a time; the kernel may give less. */
static int fill(char *out, size_t size, size_t chunk) {
  while (size) {
    ssize_t n = getrandom(out, size < chunk ? size : chunk, 0);
    if (n < 0 && errno != EINTR)
      return -errno;
    if (n > 0) {
      out += n;
      size -= (size_t)n;
    }
  }
  return 0;
}

int main(int argc, char **argv) {
  double seconds = argc > 1 ? atof(argv[1]) : 2;
  size_t size = argc > 2 ? strtoull(argv[2], NULL, 10) : 10000000;
  size_t chunk = argc > 3 ? strtoull(argv[3], NULL, 10) : size;
  char *memory = malloc(size);
  if (!memory || !size || !chunk) {
    fprintf(stderr, "usage: getrandom_limit [SECONDS [SIZE [CHUNK]]]\n");
    return 2;
  }
  memset(memory, 1, size);
  double start = now(), took = 0, bytes = 0;
  while (took < seconds) {
    int rc = fill(memory, size, chunk);
    if (rc) {
      fprintf(stderr, "getrandom: %s\n", strerror(-rc));
      return 1;
    }
    bytes += (double)size;
    took = now() - start;
  }
  printf("%.0f\n", bytes / took);
  free(memory);
  return 0;
}
