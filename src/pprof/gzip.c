/* SPDX-License-Identifier: MIT
 * See gzip.h.
 *
 * deflate() fails only if it is called wrongly, because memory doesn't run out
 * (lab_xmalloc) and the output grows as needed. So only lab_gzip_open can
 * fail. */
#include "pprof/gzip.h"

#include <errno.h>
#include <zlib.h>

#include "base/alloc.h"
#include "base/err.h"

enum {
  LEVEL = 1,
  GZIP_FORMAT = 16,     /* added to the window bits: gzip, not zlib */
  MEMORY_LEVEL = 8,     /* zlib's default */
  OS_UNKNOWN = 255,     /* what Go writes */
  OUT_STEP = 32 * 1024, /* least room for compressed bytes */
  INPUT_STEP = 1 << 30, /* zlib counts in 32 bits */
};

struct lab_gzip {
  z_stream z;
  gz_header header; /* zlib keeps a pointer to it */
  lab_buf *out;
};

static void *alloc_for_zlib(void *opaque, unsigned count, unsigned size) {
  (void)opaque;
  return lab_xcalloc(count, size);
}

static void free_for_zlib(void *opaque, void *p) {
  (void)opaque;
  lab_xfree(p);
}

int lab_gzip_open(lab_gzip **g, lab_buf *out) {
  lab_gzip *n = lab_xcalloc(1, sizeof *n);
  n->z.zalloc = alloc_for_zlib;
  n->z.zfree = free_for_zlib;
  n->out = out;
  n->header.os = OS_UNKNOWN;
  if (deflateInit2(&n->z, LEVEL, Z_DEFLATED, MAX_WBITS + GZIP_FORMAT,
                   MEMORY_LEVEL, Z_DEFAULT_STRATEGY) != Z_OK) {
    lab_xfree(n);
    return -ENOTSUP;
  }
  deflateSetHeader(&n->z, &n->header);
  *g = n;
  return 0;
}

/* Runs deflate until all input is taken and all output that FLUSH asks for is
 * written: that is when it leaves room in the output. */
static void deflate_all(lab_gzip *g, int flush) {
  do {
    g->z.next_out = (Bytef *)lab_buf_reserve(g->out, OUT_STEP);
    g->z.avail_out = OUT_STEP;
    int rc = deflate(&g->z, flush);
    LAB_ASSERT(rc != Z_STREAM_ERROR);
    g->out->len += OUT_STEP - g->z.avail_out;
  } while (g->z.avail_out == 0);
  LAB_ASSERT(g->z.avail_in == 0);
}

void lab_gzip_write(lab_gzip *g, const void *bytes, size_t n) {
  const Bytef *from = bytes;
  while (n > 0) {
    uInt part = n < INPUT_STEP ? (uInt)n : (uInt)INPUT_STEP;
    g->z.next_in = (z_const Bytef *)from;
    g->z.avail_in = part;
    deflate_all(g, Z_NO_FLUSH);
    from += part;
    n -= part;
  }
}

void lab_gzip_close(lab_gzip *g) {
  deflate_all(g, Z_FINISH);
  deflateEnd(&g->z);
  lab_xfree(g);
}
