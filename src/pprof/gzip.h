/* SPDX-License-Identifier: MIT
 * A gzip stream into a buffer.
 *
 * It has one member, because some collectors of profiles allocate memory by the
 * length at the end of the last member. The level is 1, as in Go's profiles:
 * higher levels take more time and save 2 %. The header has neither the time
 * nor the system, so equal input gives equal bytes.
 *
 * The stream's memory (about 270 kB) is lab_xmalloc's.
 *
 * Threads: one at a time per stream. Signal handlers: never. */
#ifndef LAB_PPROF_GZIP_H
#define LAB_PPROF_GZIP_H

#include <stddef.h>

#include "base/buf.h"

typedef struct lab_gzip lab_gzip;

/* Starts a stream that appends to OUT. Until lab_gzip_close, OUT must stay
 * valid and nobody else may use it. Returns 0, and *G is the caller's; or
 * -ENOTSUP if this system's zlib isn't the version that we were built for. */
int lab_gzip_open(lab_gzip **g, lab_buf *out);

/* Compresses N bytes. */
void lab_gzip_write(lab_gzip *g, const void *bytes, size_t n);

/* Writes what is pending and the trailer, and frees G. */
void lab_gzip_close(lab_gzip *g);

#endif
