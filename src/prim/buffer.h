/* SPDX-License-Identifier: MIT
 * Primitives that students meet in profiles: a growing buffer, readers, and
 * the copy between them. They behave as Go's bytes.Buffer, crypto/rand.Reader
 * and io.CopyN, because the handbook's numbers come from those.
 *
 * The functions are not static, not inlined, and called what they do: their
 * names are what a flame graph shows. A copy reads
 *   lab_copy_n -> lab_random_read -> getrandom
 *              -> lab_buffer_grow -> lab_mem_alloc, lab_mem_free, memcpy
 *
 * Threads: one thread at a time per object; any thread. Memory: mem.h, so it is
 * counted and sampled. Errors: negative errno. */
#ifndef LAB_PRIM_BUFFER_H
#define LAB_PRIM_BUFFER_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* For functions that profiles must show. */
#define LAB_NOINLINE __attribute__((noinline))

typedef struct lab_buffer {
  char *data;
  size_t len, cap; /* bytes; cap bytes are allocated */
} lab_buffer;

/* A source of bytes. read: up to N > 0 bytes into OUT; returns how many (> 0,
 * it may be fewer than N), 0 at its end, or negative errno. -EINTR means: ask
 * again. */
typedef struct lab_reader {
  ssize_t (*read)(struct lab_reader *self, void *out, size_t n);
} lab_reader;

/* The readers' functions, by the names that profiles show. */
LAB_NOINLINE ssize_t lab_random_read(lab_reader *self, void *out, size_t n);
LAB_NOINLINE ssize_t lab_prng_read(lab_reader *self, void *out, size_t n);

/* The kernel's random source: getrandom(2). Shared, stateless. */
extern lab_reader lab_random_reader;

/* Seeded and reproducible: the same seed gives the same bytes, however they are
 * cut into reads (on machines of one byte order). At least 3 GB/s. Not for
 * secrets. It never ends and never fails. */
typedef struct lab_prng {
  lab_reader reader;
  uint64_t state[16];
  unsigned char rest[32]; /* its last nrest bytes were not read yet */
  size_t nrest;
} lab_prng;
void lab_prng_init(lab_prng *prng, uint64_t seed);

/* Empty, with room for CAP bytes (0: nothing is allocated yet). 0, or -ENOMEM
 * and B is empty with room for nothing. */
LAB_NOINLINE int lab_buffer_init(lab_buffer *b, size_t cap);
/* Gives the memory back; B is as after init with 0. */
void lab_buffer_free(lab_buffer *b);

/* Room for N more bytes. When there is none the new capacity is 2 * cap + N, as
 * bytes.Buffer's (up to Go 1.17; later ones leave out the N), but 64 for a
 * first block of at most 64: a new block, a copy, the old one freed. -ENOMEM
 * when memory is out or the size has no number; B is as before then. */
LAB_NOINLINE int lab_buffer_grow(lab_buffer *b, size_t n);

/* Appends N bytes, which must not be B's own. 0 or -ENOMEM, as grow. */
int lab_buffer_write(lab_buffer *b, const void *bytes, size_t n);

/* Forgets the bytes, keeps the memory. */
void lab_buffer_reset(lab_buffer *b);

/* Copies N bytes from READER to the end of B, as io.CopyN into a bytes.Buffer:
 * before every read, also the one that finds the end, at least 512 bytes must
 * be free or the buffer grows. (So a buffer of capacity N that takes N bytes
 * grows once more.) Returns the bytes copied: fewer than N if the reader ended
 * or lab_job_cancelled(). Or negative errno, the reader's or -ENOMEM (-EINVAL:
 * N > PTRDIFF_MAX); B has what it had and what was copied until then, which
 * b->len tells. */
LAB_NOINLINE ssize_t lab_copy_n(lab_buffer *b, lab_reader *reader, size_t n);

#endif
