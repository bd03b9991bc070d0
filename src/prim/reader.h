/* SPDX-License-Identifier: MIT
 * Sources of bytes, as Go's io.Reader; and the kernel's random source, as Go's
 * crypto/rand.Reader. Threads: one at a time per object; any thread. */
#ifndef LAB_PRIM_READER_H
#define LAB_PRIM_READER_H

#include <stddef.h>
#include <sys/types.h>

/* For functions that profiles must show. */
#define LAB_NOINLINE __attribute__((noinline))

/* A source of bytes. read: up to N > 0 bytes into OUT; returns how many (> 0,
 * it may be fewer than N), 0 at its end, or negative errno. -EINTR means: ask
 * again. */
typedef struct lab_reader {
  ssize_t (*read)(struct lab_reader *self, void *out, size_t n);
} lab_reader;

/* The kernel's random source: getrandom(2). Shared, stateless. */
extern lab_reader lab_random_reader;
/* Its function, by the name that profiles show. */
LAB_NOINLINE ssize_t lab_random_read(lab_reader *self, void *out, size_t n);

#endif
