/* SPDX-License-Identifier: MIT
 * See strtab.h. */
#include "pprof/strtab.h"

#include <string.h>

#include "base/err.h"
#include "base/hash.h"
#include "base/utf8.h"

uint32_t lab_strtab_count(const lab_strtab *t) {
  return (uint32_t)(t->ends.len / sizeof(size_t)) + 1;
}

/* Where string NUMBER ends; string 0 ends where the first one starts. */
static size_t end_of(const lab_strtab *t, uint32_t number) {
  return number ? ((const size_t *)t->ends.data)[number - 1] : 0;
}

const char *lab_strtab_get(const lab_strtab *t, uint32_t number, size_t *n) {
  LAB_ASSERT(number < lab_strtab_count(t));
  size_t start = number ? end_of(t, number - 1) : 0;
  *n = end_of(t, number) - start;
  return *n ? t->text.data + start : "";
}

static uint32_t find_table_string(const lab_strtab *t, uint64_t hash,
                                  const char *s, size_t n) {
  lab_table_walk walk = lab_table_find(&t->table, hash);
  for (uint32_t id; (id = lab_table_next(&walk));) {
    size_t len;
    const char *known = lab_strtab_get(t, id, &len);
    if (len == n && memcmp(known, s, n) == 0)
      return id;
  }
  return 0;
}

/* S is N bytes of valid UTF-8. */
static uint32_t intern_table_string(lab_strtab *t, const char *s, size_t n) {
  uint64_t hash = lab_hash_bytes(s, n, 0);
  uint32_t id = find_table_string(t, hash, s, n);
  if (id)
    return id;
  lab_buf_append(&t->text, s, n);
  lab_buf_append(&t->ends, &t->text.len, sizeof t->text.len);
  id = lab_strtab_count(t) - 1;
  lab_table_add(&t->table, hash, id);
  return id;
}

uint32_t lab_strtab_add(lab_strtab *t, const char *s) {
  if (!s || !*s)
    return 0;
  size_t n = strlen(s);
  if (lab_utf8_valid_length(s, n) == n)
    return intern_table_string(t, s, n);
  lab_buf valid = LAB_BUF_INIT;
  lab_utf8_append(&valid, s, n);
  uint32_t id = intern_table_string(t, valid.data, valid.len);
  lab_buf_free(&valid);
  return id;
}

void lab_strtab_free(lab_strtab *t) {
  lab_buf_free(&t->text);
  lab_buf_free(&t->ends);
  lab_table_free(&t->table);
}
