/* SPDX-License-Identifier: MIT
 * See chunks.h. */
#include "trace/chunks.h"

#include "base/alloc.h"

/* Several events may come before the next look: there is room for them. */
enum { SPARE = 8192 };

static const size_t CHUNK_BYTES = sizeof(lab_trace_chunk) + LAB_TRACE_CHUNK;

void lab_trace_chunks_begin(lab_trace_chunks *c) {
  lab_trace_chunk *chunk = lab_xmalloc(CHUNK_BYTES);
  chunk->next = NULL;
  chunk->len = 0;
  if (c->newest)
    c->newest->next = chunk;
  else
    c->first = chunk;
  c->newest = chunk;
  c->bytes += CHUNK_BYTES;
}

bool lab_trace_chunks_are_full(const lab_trace_chunks *c, size_t pool) {
  return c->newest && !lab_trace_chunks_have_room(c, SPARE) &&
         c->bytes + CHUNK_BYTES > pool;
}

lab_trace_chunk *lab_trace_chunks_take(lab_trace_chunks *c, bool partly) {
  lab_trace_chunk *chunk = c->first;
  if (!chunk || chunk->len == 0 || !(chunk->next || partly))
    return NULL;
  c->first = chunk->next;
  if (!c->first)
    c->newest = NULL;
  c->bytes -= CHUNK_BYTES;
  return chunk;
}

void lab_trace_chunks_free(lab_trace_chunks *c) {
  while (c->first) {
    lab_trace_chunk *chunk = c->first;
    c->first = chunk->next;
    lab_xfree(chunk);
  }
  *c = (lab_trace_chunks){0};
}
