/* SPDX-License-Identifier: MIT
 * The heap profile as profile.proto. Threads: any. */
#ifndef LAB_PROF_HEAP_WRITE_H
#define LAB_PROF_HEAP_WRITE_H

#include "base/buf.h"
#include "prof/heap.h"

/* profile.proto, gzip'ed: alloc_objects, alloc_space, inuse_objects,
 * inuse_space, unsampled by the weights; numeric label "bytes" = object size.
 * BEFORE: NULL, or an earlier snapshot to subtract (a delta profile).
 * DEFAULT_TYPE: NULL (tools take the last, inuse_space) or "alloc_space" (the
 * allocs profile). Appends to OUT; 0 or negative errno. Slow (symbols). */
int lab_heap_write(const lab_heap_snapshot *now,
                   const lab_heap_snapshot *before, const char *default_type,
                   lab_buf *out);

#endif
