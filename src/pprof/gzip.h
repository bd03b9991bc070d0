/* SPDX-License-Identifier: MIT
 * A gzip stream into a buffer.
 *
 * One member, because some collectors size their memory by the length that
 * stands at the end of the last member. Level 1, as Go writes its profiles:
 * higher levels cost time and save 2 %. The header carries neither time nor
 * system, so equal input gives equal bytes.
 *
 * The stream's memory (about 270 kB) is lab_xmalloc's.
 * Threads: one at a time per stream. */
#ifndef LAB_PPROF_GZIP_H
#define LAB_PPROF_GZIP_H

#include <stddef.h>

#include "base/buf.h"

typedef struct lab_gzip lab_gzip;

/* Starts a stream that appends to OUT, which must stay valid, and be left
 * alone, until lab_gzip_close. The caller owns *G then.
 * Returns 0, or -ENOTSUP: the zlib of this system isn't the one we were built
 * for. */
int lab_gzip_open(lab_gzip **g, lab_buf *out);

void lab_gzip_write(lab_gzip *g, const void *bytes, size_t n);

/* Writes what is pending and the trailer, and frees G. */
void lab_gzip_close(lab_gzip *g);

#endif
