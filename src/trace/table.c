/* SPDX-License-Identifier: MIT
 * Strings and stacks of a trace: see table.h; and how they are written. */
#include "trace/table.h"

#include <string.h>

#include "base/alloc.h"
#include "base/hash.h"
#include "base/utf8.h"
#include "base/varint.h"
#include "trace/wire.h"

enum { STRING_MAX = 1024, PIECE = 64 << 10 };
enum { PLACES_MAX = 1 << 17 };
enum { STRING_COST = 64 }; /* bytes of a string besides its text */

static const char OTHER[] = "[other]";

/* ---- strings, places, stacks --------------------------------------------- */

/* Room for one more element of SIZE bytes in an array of N. The array has room
 * for a power of two, at least 32. */
static void make_table_room(void *array, uint32_t n, size_t size) {
  void **items = array;
  if (n == 0 || (n >= 32 && (n & (n - 1)) == 0))
    *items = lab_xrealloc(*items, (n ? 2 * (size_t)n : 32) * size);
}

static uint32_t find_string(const lab_trace_tables_state *t, const char *text,
                            size_t len, uint64_t hash) {
  lab_table_walk walk = lab_table_find(&t->string_table, hash);
  for (uint32_t number; (number = lab_table_next(&walk));) {
    const lab_trace_string *s = &t->strings[number - 1];
    if (s->len == len && memcmp(s->text, text, len) == 0)
      return number;
  }
  return 0;
}

/* LEN, or less if the text is longer than what is kept. */
static size_t cut_string(const char *text, size_t len) {
  return len > STRING_MAX ? lab_utf8_trim(text, STRING_MAX) : len;
}

/* TEXT is valid UTF-8. */
static uint32_t intern_trace_string(lab_trace_tables_state *t, const char *text,
                                    size_t len) {
  if (len == 0)
    return 0;
  len = cut_string(text, len);
  uint64_t hash = lab_hash_bytes(text, len, 0);
  uint32_t number = find_string(t, text, len, hash);
  if (number == 0 && t->names + len + STRING_COST > t->names_max) {
    text = OTHER;
    len = strlen(OTHER);
    hash = lab_hash_bytes(text, len, 0);
    number = find_string(t, text, len, hash);
  }
  if (number > 0)
    return number;
  make_table_room(&t->strings, t->nstrings, sizeof *t->strings);
  t->strings[t->nstrings++] = (lab_trace_string){lab_xmemdup0(text, len), len};
  t->names += len + STRING_COST;
  lab_table_add(&t->string_table, hash, t->nstrings);
  return t->nstrings;
}

uint32_t lab_trace_table_name(lab_trace_tables_state *t, const char *text) {
  size_t len = cut_string(text, strnlen(text, STRING_MAX + 1));
  if (lab_utf8_valid_length(text, len) == len)
    return intern_trace_string(t, text, len);
  lab_buf valid = LAB_BUF_INIT;
  lab_utf8_append(&valid, text, len);
  uint32_t number = intern_trace_string(t, valid.data, valid.len);
  lab_buf_free(&valid);
  return number;
}

/* The number of a place; 0: there is no room for another. */
static uint32_t number_of_place(lab_trace_tables_state *t,
                                lab_trace_place place) {
  uint64_t hash =
      lab_hash_u64((uint64_t)place.function << 40 ^ (uint64_t)place.file << 20 ^
                   (uint64_t)place.line);
  lab_table_walk walk = lab_table_find(&t->place_table, hash);
  for (uint32_t number; (number = lab_table_next(&walk));) {
    const lab_trace_place *p = &t->places[number - 1];
    if (p->function == place.function && p->file == place.file &&
        p->line == place.line)
      return number;
  }
  if (t->nplaces == PLACES_MAX)
    return 0;
  make_table_room(&t->places, t->nplaces, sizeof *t->places);
  t->places[t->nplaces++] = place;
  lab_table_add(&t->place_table, hash, t->nplaces);
  return t->nplaces;
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

/* The least stack in use from STACK on, or 0. */
static uint32_t next_used_stack(const lab_trace_tables_state *t,
                                uint32_t stack) {
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
  for (uint32_t i = 0; i < t->nstrings; i++)
    lab_xfree(t->strings[i].text);
  lab_xfree(t->strings);
  lab_xfree(t->places);
  lab_table_free(&t->string_table);
  lab_table_free(&t->place_table);
  lab_xfree(t->used);
  memset(t, 0, sizeof *t);
}

/* ---- writing ------------------------------------------------------------- */

static void append_varint(lab_buf *out, uint64_t n) {
  char *at = lab_buf_reserve(out, LAB_VARINT_MAX);
  out->len += (size_t)(lab_varint_put((uint8_t *)at, n) - (uint8_t *)at);
}

/* Readers want a batch before them, and Frequency once. */
static void write_tables_head(uint64_t now, lab_buf *out) {
  lab_buf_putc(out, EV_FREQUENCY);
  append_varint(out, 1000000000);
  lab_buf_putc(out, EV_BATCH | 1 << 6);
  append_varint(out, VM_PROC);
  append_varint(out, now);
}

/* Newer readers refuse a stack of more than 2 KiB: small numbers keep it below
 * that. */
static void append_frame(lab_trace_tables_state *t, const lab_trace_frame *f,
                         lab_buf *out) {
  lab_trace_place place = {lab_trace_table_name(t, f->function),
                           lab_trace_table_name(t, f->file),
                           f->line > 0 ? f->line : 0};
  uint32_t number = number_of_place(t, place);
  if (number == 0)
    place = (lab_trace_place){lab_trace_table_name(t, OTHER), 0, 0};
  append_varint(out, 0x1000 + number);
  append_varint(out, place.function);
  append_varint(out, place.file);
  append_varint(out, (uint64_t)place.line);
}

static void write_stack_record(lab_trace_tables_state *t, uint32_t stack,
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

static void write_string_record(const lab_trace_string *s, uint32_t number,
                                lab_buf *out) {
  lab_buf_putc(out, EV_STRING);
  append_varint(out, number);
  append_varint(out, s->len);
  lab_buf_append(out, s->text, s->len);
}

bool lab_trace_table_write(lab_trace_tables_state *t, uint64_t now,
                           lab_trace_namer *namer, lab_buf *out) {
  if (!t->began) {
    write_tables_head(now, out);
    t->names_max = t->names + t->stack_names;
  }
  t->began = true;
  while (out->len < PIECE) {
    uint32_t stack = next_used_stack(t, t->next_stack);
    if (stack) {
      write_stack_record(t, stack, namer, out);
      t->next_stack = stack + 1;
    } else if (t->next_string < t->nstrings) {
      t->next_stack = UINT32_MAX; /* they are done */
      write_string_record(&t->strings[t->next_string], t->next_string + 1, out);
      t->next_string++;
    } else {
      break;
    }
  }
  return out->len > 0;
}
