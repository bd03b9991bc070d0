/* SPDX-License-Identifier: MIT
 * See gunzip.h. */
#include "pprof/gunzip.h"

#include <errno.h>
#include <stdint.h>
#include <zlib.h>

#include "base/alloc.h"

enum {
  GZIP_ONLY = 16,         /* added to the window bits */
  FIRST_ROOM = 65536,     /* bytes of output at first; doubled when full */
  MOST_AT_ONCE = 1 << 30, /* zlib counts in 32 bits */
};

typedef struct gunzip_state {
  z_stream z;
  const Bytef *end; /* of the input */
  Bytef *data;
  size_t room, most; /* bytes at data; how many it may become */
  lab_err *err;
} gunzip_state;

bool lab_gunzip_is_gzip(const void *bytes, size_t n) {
  const uint8_t *b = bytes;
  return n >= 2 && b[0] == 0x1f && b[1] == 0x8b;
}

static void *try_alloc_for_zlib(void *opaque, unsigned count, unsigned size) {
  (void)opaque;
  return lab_try_malloc((size_t)count * size);
}

static void free_of_zlib(void *opaque, void *p) {
  (void)opaque;
  lab_xfree(p);
}

static size_t count_unpacked(const gunzip_state *g) {
  return (size_t)(g->z.next_out - g->data);
}

static int refuse_unpacking(gunzip_state *g, int code, const char *why) {
  return lab_err_set(g->err, code, "gzip: %s", why);
}

/* Makes room for more output. */
static int grow_unpacked(gunzip_state *g) {
  size_t have = count_unpacked(g);
  size_t room = g->room < FIRST_ROOM / 2 ? FIRST_ROOM : g->room * 2;
  /* One byte more than allowed tells "too long" from "just full". */
  if (room > g->most + 1)
    room = g->most + 1;
  if (have > g->most)
    return lab_err_set(g->err, -EFBIG,
                       "gzip: unpacked, it is larger than %zu bytes", g->most);
  Bytef *data = lab_try_realloc(g->data, room);
  if (!data)
    return refuse_unpacking(g, -ENOMEM, "not enough memory to unpack it");
  g->data = data;
  g->room = room;
  g->z.next_out = data + have;
  return 0;
}

/* Hands zlib what is left of input and of room. */
static void lend_to_zlib(gunzip_state *g) {
  size_t in = (size_t)(g->end - g->z.next_in);
  size_t out = g->room - count_unpacked(g);
  g->z.avail_in = in < MOST_AT_ONCE ? (uInt)in : (uInt)MOST_AT_ONCE;
  g->z.avail_out = out < MOST_AT_ONCE ? (uInt)out : (uInt)MOST_AT_ONCE;
}

/* After inflate said RC: 0 to go on, 1 at the end, or an error. */
static int judge_inflate(gunzip_state *g, int rc) {
  switch (rc) {
  case Z_STREAM_END:
    if (g->z.next_in == g->end)
      return 1;
    return inflateReset(&g->z) == Z_OK
               ? 0
               : refuse_unpacking(g, -EINVAL, "can't begin again");
  case Z_OK:
  case Z_BUF_ERROR:
    if (g->z.next_in == g->end && g->z.avail_out > 0)
      return refuse_unpacking(g, -EINVAL, "it is cut short");
    return 0;
  case Z_MEM_ERROR:
    return refuse_unpacking(g, -ENOMEM, "not enough memory to unpack it");
  default:
    return refuse_unpacking(g, -EINVAL, g->z.msg ? g->z.msg : "it is damaged");
  }
}

static int inflate_all(gunzip_state *g) {
  int rc = 0;
  while (rc == 0) {
    if (count_unpacked(g) == g->room)
      rc = grow_unpacked(g);
    if (rc == 0) {
      lend_to_zlib(g);
      rc = judge_inflate(g, inflate(&g->z, Z_NO_FLUSH));
    }
  }
  if (rc == 1 && count_unpacked(g) > g->most)
    rc = grow_unpacked(g); /* says that it is too large */
  return rc == 1 ? 0 : rc;
}

int lab_gunzip(const void *bytes, size_t n, size_t most, void **out,
               size_t *length, lab_err *err) {
  gunzip_state g = {.most = most, .err = err, .end = (const Bytef *)bytes + n};
  g.z.zalloc = try_alloc_for_zlib;
  g.z.zfree = free_of_zlib;
  g.z.next_in = (z_const Bytef *)bytes;
  if (inflateInit2(&g.z, MAX_WBITS + GZIP_ONLY) != Z_OK)
    return refuse_unpacking(&g, -ENOMEM, "zlib can't begin");
  int rc = inflate_all(&g);
  *length = rc ? 0 : count_unpacked(&g);
  inflateEnd(&g.z);
  if (rc) {
    lab_xfree(g.data);
    g.data = NULL;
  }
  *out = g.data;
  return rc;
}
