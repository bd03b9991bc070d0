/* SPDX-License-Identifier: MIT
 * Primitives that students meet in profiles: a growing buffer, and the copy
 * from a reader (reader.h) into it. They behave as Go's bytes.Buffer and
 * io.CopyN, because the handbook's numbers come from those.
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

#include "prim/prng.h"
#include "prim/reader.h"

typedef struct lab_buffer {
  char *data;
  size_t len, cap; /* bytes; cap bytes are allocated */
} lab_buffer;

/* B is empty, with room for CAP bytes (0: nothing is allocated yet). 0, or
 * -ENOMEM; then B is empty and without room. */
LAB_NOINLINE int lab_buffer_init(lab_buffer *b, size_t cap);
/* Gives the memory back; B is as after init with 0. */
void lab_buffer_free(lab_buffer *b);

/* Makes room for N more bytes, where there is none: a new block, a copy, and
 * the old block is freed. The new capacity is 2 * cap + N, as bytes.Buffer's
 * (up to Go 1.17; later ones leave out the N), but 64 for a first block of at
 * most 64. 0, or -ENOMEM when there is no memory, or the size is too large for
 * a size_t; then B is as before. */
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
 * N > PTRDIFF_MAX); then B has what it had and what was copied so far (see
 * b->len). */
LAB_NOINLINE ssize_t lab_copy_n(lab_buffer *b, lab_reader *reader, size_t n);

#endif
