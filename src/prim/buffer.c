/* SPDX-License-Identifier: MIT
 * The buffer and the copy: see buffer.h. */
#include "prim/buffer.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>

#include "mem/mem.h"
#include "task/worker.h"

/* What bytes.Buffer.ReadFrom wants free before each read. */
enum { MIN_READ = 512 };
/* Bytes per read: some ms of getrandom, so that a cancelled copy ends soon. */
enum { PIECE = 1 << 20 };

int lab_buffer_init(lab_buffer *b, size_t cap) {
  *b = (lab_buffer){NULL, 0, 0};
  if (cap == 0)
    return 0;
  b->data = lab_mem_alloc(cap);
  if (!b->data)
    return -ENOMEM;
  b->cap = cap;
  return 0;
}

void lab_buffer_free(lab_buffer *b) {
  lab_mem_free(b->data, b->cap);
  *b = (lab_buffer){NULL, 0, 0};
}

LAB_NOINLINE int lab_buffer_grow(lab_buffer *b, size_t n) {
  if (b->cap - b->len >= n)
    return 0;
  size_t cap;
  if (__builtin_mul_overflow(b->cap, 2, &cap) ||
      __builtin_add_overflow(cap, n, &cap))
    return -ENOMEM;
  char *data = lab_mem_alloc(cap);
  if (!data)
    return -ENOMEM;
  if (b->len > 0)
    memcpy(data, b->data, b->len);
  lab_mem_free(b->data, b->cap);
  b->data = data;
  b->cap = cap;
  return 0;
}

int lab_buffer_write(lab_buffer *b, const void *bytes, size_t n) {
  int rc = lab_buffer_grow(b, n);
  if (rc == 0 && n > 0) {
    memcpy(b->data + b->len, bytes, n);
    b->len += n;
  }
  return rc;
}

void lab_buffer_reset(lab_buffer *b) {
  b->len = 0;
}

LAB_NOINLINE ssize_t lab_copy_n(lab_buffer *b, lab_reader *reader, size_t n) {
  size_t copied = 0;
  for (;;) {
    int rc = lab_buffer_grow(b, MIN_READ);
    if (rc)
      return rc;
    if (copied == n || lab_job_cancelled())
      return (ssize_t)copied;
    size_t want = b->cap - b->len;
    if (want > n - copied)
      want = n - copied;
    if (want > PIECE)
      want = PIECE;
    ssize_t got = reader->read(reader, b->data + b->len, want);
    if (got == -EINTR)
      continue;
    if (got <= 0)
      return got < 0 ? got : (ssize_t)copied;
    b->len += (size_t)got;
    copied += (size_t)got;
  }
}

LAB_NOINLINE ssize_t lab_random_read(lab_reader *self, void *out, size_t n) {
  (void)self;
  ssize_t got = getrandom(out, n, 0);
  return got < 0 ? -errno : got;
}

lab_reader lab_random_reader = {lab_random_read};
