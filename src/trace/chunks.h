/* SPDX-License-Identifier: MIT
 * The bytes of a recording that nobody has taken yet: a queue of chunks.
 * Internal to src/trace.
 *
 * A chunk can be read by itself: it begins with a batch, and ends after a
 * record. All but the newest are full. All zeros is an empty queue. Memory is
 * lab_xmalloc's. Threads: the recording's lock. */
#ifndef LAB_TRACE_CHUNKS_H
#define LAB_TRACE_CHUNKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

enum { LAB_TRACE_CHUNK = 64 << 10 }; /* bytes */

typedef struct lab_trace_chunk {
  struct lab_trace_chunk *next;
  size_t len;
  uint8_t bytes[];
} lab_trace_chunk;

typedef struct lab_trace_chunks {
  lab_trace_chunk *first, *newest;
  size_t bytes; /* memory that they take */
} lab_trace_chunks;

/* Begins a new chunk. */
void lab_trace_chunks_begin(lab_trace_chunks *c);
/* Whether N more bytes fit into the newest chunk. */
static inline bool lab_trace_chunks_have_room(const lab_trace_chunks *c,
                                              size_t n) {
  return c->newest && c->newest->len + n <= LAB_TRACE_CHUNK;
}

/* Where the next byte goes. The caller writes there, and says where it ended.
 */
static inline uint8_t *lab_trace_chunks_end(const lab_trace_chunks *c) {
  return c->newest->bytes + c->newest->len;
}
static inline void lab_trace_chunks_wrote(lab_trace_chunks *c,
                                          const uint8_t *end) {
  c->newest->len = (size_t)(end - c->newest->bytes);
  LAB_ASSERT(c->newest->len <= LAB_TRACE_CHUNK);
}

/* Whether another chunk will soon be needed, and would take more than POOL
 * bytes in all. */
bool lab_trace_chunks_are_full(const lab_trace_chunks *c, size_t pool);

/* The oldest chunk, which is the caller's now (lab_xfree), or NULL: there is
 * none. PARTLY: also one that isn't full. */
lab_trace_chunk *lab_trace_chunks_take(lab_trace_chunks *c, bool partly);
void lab_trace_chunks_free(lab_trace_chunks *c);

#endif
