/* SPDX-License-Identifier: MIT
 * See often.h. Texts are told apart by a hash of 64 bits. There is room for 64
 * different texts in a second; if there are more, the others are written as
 * they are: a log that is too long is better than one that lacks something.
 * Entries come and go, and so few are searched one by one; a hash table
 * (base/table.h) would not be faster. */
#include "base/often.h"

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/hash.h"
#include "base/log.h"

enum { TEXTS = 64, SHOWN = 200 };

typedef struct entry {
  uint64_t hash; /* 0: free */
  unsigned written;
  uint64_t counted; /* since the last tick, not written */
  bool seen;        /* since the last tick */
  char text[SHOWN]; /* its first line */
} entry;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static entry entries[TEXTS];

static void begin_entry(entry *e, uint64_t hash, const char *text) {
  size_t len = strcspn(text, "\n");
  len = len < SHOWN ? len : SHOWN - 1;
  *e = (entry){.hash = hash};
  memcpy(e->text, text, len);
}

/* The entry of TEXT, which is made if there is room; else NULL. */
static entry *find_repeated(const char *text) {
  uint64_t hash = lab_hash_bytes(text, strlen(text), 0) | 1;
  entry *room = NULL;
  for (size_t i = 0; i < TEXTS; i++) {
    if (entries[i].hash == hash)
      return &entries[i];
    if (!room && entries[i].hash == 0)
      room = &entries[i];
  }
  if (room)
    begin_entry(room, hash, text);
  return room;
}

/* Whether TEXT is to be written now. Counts it if not. */
static bool is_wanted(const char *text) {
  pthread_mutex_lock(&lock);
  entry *e = find_repeated(text);
  bool wanted = !e || e->written < LAB_OFTEN_WRITTEN;
  if (e) {
    e->seen = true;
    e->written += wanted;
    e->counted += !wanted;
  }
  pthread_mutex_unlock(&lock);
  return wanted;
}

void lab_log_often(const char *head, const char *text) {
  if (is_wanted(text))
    lab_log_step("%s%s", head, text);
}

void lab_log_often_tick(void) {
  pthread_mutex_lock(&lock);
  for (size_t i = 0; i < TEXTS; i++) {
    entry *e = &entries[i];
    if (e->counted > 0)
      lab_log("%llu more like it: %s", (unsigned long long)e->counted, e->text);
    e->counted = 0;
    if (!e->seen)
      e->hash = 0;
    e->seen = false;
  }
  pthread_mutex_unlock(&lock);
}
