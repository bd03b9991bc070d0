/* SPDX-License-Identifier: MIT
 * Strings and stacks of a trace: see table.h; and how they are written. */
#include "trace/table.h"

#include <string.h>

#include "base/alloc.h"
#include "base/hash.h"
#include "trace/record.h"

enum { STRING_MAX = 1024, PIECE = 64 << 10 };
enum { PLACES_MAX = 1 << 17 };
enum { STRING_COST = 64 }; /* bytes of a string besides its text */

static const char OTHER[] = "[other]";

/* ---- the index ----------------------------------------------------------- */

typedef uint64_t hash_of(const lab_trace_tables_state *t, uint32_t number);

static void grow(const lab_trace_tables_state *t, lab_trace_index *index,
                 hash_of *hash) {
  uint32_t n = index->nslots ? 2 * index->nslots : 64;
  lab_xfree(index->slots);
  index->slots = lab_xcalloc(n, sizeof *index->slots);
  index->nslots = n;
  for (uint32_t number = 1; number <= index->count; number++) {
    uint32_t i = (uint32_t)hash(t, number) & (n - 1);
    while (index->slots[i])
      i = (i + 1) & (n - 1);
    index->slots[i] = number;
  }
}

static uint64_t hash_string(const lab_trace_tables_state *t, uint32_t number) {
  const lab_trace_string *s = &t->strings[number - 1];
  return lab_hash_bytes(s->text, s->len, 0);
}

static uint64_t hash_place(const lab_trace_tables_state *t, uint32_t number) {
  const lab_trace_place *p = &t->places[number - 1];
  return lab_hash_u64((uint64_t)p->function << 40 ^ (uint64_t)p->file << 20 ^
                      (uint64_t)p->line);
}

/* Room for one more; arrays grow with their index. */
static void make_room(lab_trace_tables_state *t, lab_trace_index *index,
                      hash_of *hash, void *items, size_t size) {
  if (2 * (index->count + 1) <= index->nslots)
    return;
  grow(t, index, hash);
  void **array = items;
  *array = lab_xrealloc(*array, index->nslots / 2 * size);
}

/* ---- strings, places, stacks --------------------------------------------- */

/* Where the string is in the index, or where it belongs. */
static uint32_t *string_slot(const lab_trace_tables_state *t, const char *text,
                             size_t len) {
  const lab_trace_index *index = &t->string_index;
  uint32_t mask = index->nslots - 1;
  uint32_t i = (uint32_t)lab_hash_bytes(text, len, 0) & mask;
  for (; index->slots[i]; i = (i + 1) & mask) {
    const lab_trace_string *s = &t->strings[index->slots[i] - 1];
    if (s->len == len && memcmp(s->text, text, len) == 0)
      break;
  }
  return &index->slots[i];
}

uint32_t lab_trace_table_string(lab_trace_tables_state *t, const char *text,
                                size_t len) {
  lab_trace_index *index = &t->string_index;
  if (len == 0)
    return 0;
  if (len > STRING_MAX)
    len = STRING_MAX;
  make_room(t, index, hash_string, &t->strings, sizeof *t->strings);
  uint32_t *slot = string_slot(t, text, len);
  if (*slot == 0 && t->names + len + STRING_COST > t->names_max) {
    text = OTHER;
    len = strlen(OTHER);
    slot = string_slot(t, text, len);
  }
  if (*slot == 0) {
    t->strings[index->count] = (lab_trace_string){lab_xmemdup0(text, len), len};
    t->names += len + STRING_COST;
    *slot = ++index->count;
  }
  return *slot;
}

uint32_t lab_trace_table_name(lab_trace_tables_state *t, const char *text) {
  return lab_trace_table_string(t, text, strlen(text));
}

uint32_t lab_trace_table_place(lab_trace_tables_state *t,
                               lab_trace_place place) {
  lab_trace_index *index = &t->place_index;
  make_room(t, index, hash_place, &t->places, sizeof *t->places);
  t->places[index->count] = place; /* where it goes if it is new */
  uint32_t mask = index->nslots - 1;
  uint32_t i = (uint32_t)hash_place(t, index->count + 1) & mask;
  for (; index->slots[i]; i = (i + 1) & mask) {
    const lab_trace_place *p = &t->places[index->slots[i] - 1];
    if (p->function == place.function && p->file == place.file &&
        p->line == place.line)
      return index->slots[i];
  }
  if (index->count == PLACES_MAX)
    return 0;
  return index->slots[i] = ++index->count;
}

void lab_trace_table_use(lab_trace_tables_state *t, uint32_t stack) {
  size_t word = stack / 64;
  if (word >= t->nused) {
    size_t n = (word + 1) * 2;
    t->used = lab_xrealloc(t->used, n * sizeof *t->used);
    memset(t->used + t->nused, 0, (n - t->nused) * sizeof *t->used);
    t->nused = n;
  }
  t->used[word] |= 1ull << stack % 64;
}

uint32_t lab_trace_table_next(const lab_trace_tables_state *t, uint32_t stack) {
  size_t word = stack / 64;
  if (word >= t->nused)
    return 0;
  uint64_t bits = t->used[word] >> stack % 64 << stack % 64;
  while (bits == 0 && ++word < t->nused)
    bits = t->used[word];
  if (word >= t->nused)
    return 0;
  return (uint32_t)(word * 64) + (uint32_t)__builtin_ctzll(bits);
}

void lab_trace_table_free(lab_trace_tables_state *t) {
  for (uint32_t i = 0; i < t->string_index.count; i++)
    lab_xfree(t->strings[i].text);
  lab_xfree(t->strings);
  lab_xfree(t->places);
  lab_xfree(t->string_index.slots);
  lab_xfree(t->place_index.slots);
  lab_xfree(t->used);
  memset(t, 0, sizeof *t);
}

/* ---- writing ------------------------------------------------------------- */

static void append_varint(lab_buf *out, uint64_t n) {
  char *at = lab_buf_reserve(out, VARINT_MAX);
  out->len += (size_t)(put_varint((uint8_t *)at, n) - (uint8_t *)at);
}

/* Readers want a batch before them, and Frequency once. */
static void write_head(lab_buf *out) {
  lab_buf_putc(out, EV_FREQUENCY);
  append_varint(out, 1000000000);
  lab_buf_putc(out, EV_BATCH | 1 << 6);
  append_varint(out, VM_PROC);
  append_varint(out, lab_trace_state.last);
}

/* Small numbers keep a stack below the 2 KiB that newer readers bear. */
static void append_frame(lab_trace_tables_state *t, const lab_trace_frame *f,
                         lab_buf *out) {
  lab_trace_place place = {lab_trace_table_name(t, f->function),
                           lab_trace_table_name(t, f->file),
                           f->line > 0 ? f->line : 0};
  uint32_t number = lab_trace_table_place(t, place);
  if (number == 0)
    place = (lab_trace_place){lab_trace_table_name(t, OTHER), 0, 0};
  append_varint(out, 0x1000 + number);
  append_varint(out, place.function);
  append_varint(out, place.file);
  append_varint(out, (uint64_t)place.line);
}

static void write_stack(lab_trace_tables_state *t, uint32_t stack,
                        lab_trace_namer *namer, lab_buf *out) {
  lab_trace_frame frames[LAB_TRACE_DEPTH];
  size_t n = namer(stack, frames);
  lab_buf record = LAB_BUF_INIT;
  append_varint(&record, stack);
  append_varint(&record, n);
  for (size_t i = 0; i < n; i++)
    append_frame(t, &frames[i], &record);
  lab_buf_putc(out, (char)(EV_STACK | 3 << 6));
  append_varint(out, record.len);
  lab_buf_append(out, record.data, record.len);
  lab_buf_free(&record);
}

static void write_string(const lab_trace_string *s, uint32_t number,
                         lab_buf *out) {
  lab_buf_putc(out, EV_STRING);
  append_varint(out, number);
  append_varint(out, s->len);
  lab_buf_append(out, s->text, s->len);
}

/* Nobody adds to the tables of a sealed recording, so they need no lock. Stacks
 * come first: they make strings. */
bool lab_trace_tables(lab_trace_namer *namer, lab_buf *out) {
  lab_trace_tables_state *t = &lab_trace_state.tables;
  if (!t->began) {
    write_head(out);
    t->names_max = t->names + LAB_TRACE_NAMES;
  }
  t->began = true;
  while (out->len < PIECE) {
    uint32_t stack = lab_trace_table_next(t, t->next_stack);
    if (stack) {
      write_stack(t, stack, namer, out);
      t->next_stack = stack + 1;
    } else if (t->next_string < t->string_index.count) {
      t->next_stack = UINT32_MAX; /* they are done */
      write_string(&t->strings[t->next_string], t->next_string + 1, out);
      t->next_string++;
    } else {
      break;
    }
  }
  return out->len > 0;
}
