/* SPDX-License-Identifier: MIT
 * The bytes that were packed with gzip: one member, or several, which are read
 * as if they were one, as gzip(1) and Go do.
 *
 * The input may be anything. A small input can stand for a huge output, so the
 * caller says how much it takes; no more than twice that is ever in memory.
 *
 * Threads: any. Signal handlers: never. */
#ifndef LAB_PPROF_GUNZIP_H
#define LAB_PPROF_GUNZIP_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

/* Do the N BYTES begin as gzip does? */
bool lab_gunzip_is_gzip(const void *bytes, size_t n);

/* Unpacks the N BYTES into *OUT, which the caller gives to lab_xfree, and
 * *LENGTH. Returns 0; -EINVAL if the input is damaged, cut short, or followed
 * by something else; -EFBIG if the output has more than MOST bytes; -ENOMEM. */
int lab_gunzip(const void *bytes, size_t n, size_t most, void **out,
               size_t *length, lab_err *err);

#endif
