/* SPDX-License-Identifier: MIT
 * See buffer.h. */
#include "prim/buffer.h"

#include <errno.h>
#include <string.h>

#include "mem/mem.h"
#include "task/worker.h"

enum {
  MIN_READ = 512, /* bytes.Buffer.ReadFrom wants them free before each read */
  SMALL = 64,     /* the first block of a buffer that is written little */
  PIECE = 256 << 10, /* bytes per read: under a ms of getrandom, so that a
                        cancelled copy ends soon */
};

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

/* The capacity that gives room for N more bytes; 0 if it would be too large. */
static size_t capacity_to_grow_to(size_t cap, size_t n) {
  if (cap == 0 && n <= SMALL)
    return SMALL;
  if (n > PTRDIFF_MAX || cap > (PTRDIFF_MAX - n) / 2)
    return 0;
  return 2 * cap + n;
}

/* Not a realloc: the profiles shall show what growing costs, which is a new
 * block and a copy. */
int lab_buffer_grow(lab_buffer *b, size_t n) {
  if (n <= b->cap - b->len)
    return 0;
  size_t cap = capacity_to_grow_to(b->cap, n);
  char *data = cap ? lab_mem_alloc(cap) : NULL;
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

static size_t min_size(size_t a, size_t b) {
  return a < b ? a : b;
}

/* Go fills all free bytes with one read, this loop takes several. The growth is
 * the same: where this loop finds fewer than 512 bytes free, Go's next look
 * would find the same. */
ssize_t lab_copy_n(lab_buffer *b, lab_reader *reader, size_t n) {
  size_t copied = 0;
  if (n > PTRDIFF_MAX)
    return -EINVAL;
  while (!lab_job_cancelled()) {
    int rc = lab_buffer_grow(b, MIN_READ);
    if (rc)
      return rc;
    size_t want = min_size(min_size(n - copied, b->cap - b->len), PIECE);
    if (want == 0)
      break;
    ssize_t got = reader->read(reader, b->data + b->len, want);
    if (got == -EINTR)
      continue;
    if (got < 0)
      return got;
    if (got == 0)
      break;
    b->len += (size_t)got;
    copied += (size_t)got;
  }
  return (ssize_t)copied;
}
