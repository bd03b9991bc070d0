/* SPDX-License-Identifier: MIT
 * See texts.h. */
#include "pprof/texts.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"

void lab_texts_add(lab_texts *t, const void *s, size_t length) {
  uint32_t number = (uint32_t)t->n++;
  char *copy = t->bytes;
  memcpy(copy, s, length);
  copy[length] = '\0';
  t->bytes += length + 1;
  uint64_t hash = lab_hash_bytes(copy, length, 0);
  t->keys[number] = (lab_text_key){hash, copy, number};
  t->entries[number] = (lab_text){copy, length, hash, number, UINT32_MAX};
}

static int compare_text_keys(const void *a, const void *b) {
  const lab_text_key *one = a, *other = b;
  if (one->hash != other->hash)
    return one->hash > other->hash ? 1 : -1;
  return strcmp(one->text, other->text);
}

/* The strings may all have one hash, if somebody made them so. Even then each
 * is compared log n times. */
void lab_texts_finish(lab_texts *t) {
  qsort(t->keys, t->n, sizeof *t->keys, compare_text_keys);
  for (size_t i = 1; i < t->n; i++)
    if (compare_text_keys(&t->keys[i - 1], &t->keys[i]) == 0)
      t->entries[t->keys[i].number].first =
          t->entries[t->keys[i - 1].number].first;
}
