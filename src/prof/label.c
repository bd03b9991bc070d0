/* SPDX-License-Identifier: MIT
 * See label.h. There are few pairs (routes of the steps visited so far) and one
 * lookup a request, so a list per hash value is enough. */
#include "prof/label.h"

#include <pthread.h>
#include <stddef.h>
#include <string.h>

#include "base/alloc.h"
#include "base/hash.h"

typedef struct pair {
  const char *step, *route;
  struct pair *next; /* of the same chain */
  uint32_t id;
} pair;

enum { CHAINS = 1024 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pair *chains[CHAINS];
static pair *pairs[LAB_LABEL_LIMIT + 1]; /* by id - 1; one more for "other" */
static uint32_t count;

static pair **chain_of(const char *step, const char *route) {
  uint64_t h = lab_hash_bytes(step, strlen(step), 0);
  return &chains[lab_hash_bytes(route, strlen(route), h) % CHAINS];
}

static pair *find(const char *step, const char *route) {
  pair *p = *chain_of(step, route);
  while (p && (strcmp(p->step, step) != 0 || strcmp(p->route, route) != 0))
    p = p->next;
  return p;
}

static pair *add(const char *step, const char *route) {
  pair *p = lab_xmalloc(sizeof *p);
  pair **chain = chain_of(step, route);
  *p = (pair){lab_xstrdup(step), lab_xstrdup(route), *chain, count + 1};
  pairs[count++] = p;
  *chain = p;
  return p;
}

uint32_t lab_label_intern(const char *step, const char *route) {
  static const char other[] = "[other]";
  pthread_mutex_lock(&lock);
  pair *p = find(step, route);
  if (!p && count >= LAB_LABEL_LIMIT) {
    step = route = other;
    p = find(step, route);
  }
  if (!p)
    p = add(step, route);
  pthread_mutex_unlock(&lock);
  return p->id;
}

void lab_label_get(uint32_t id, const char **step, const char **route) {
  pthread_mutex_lock(&lock);
  const pair *p = id > 0 && id <= count ? pairs[id - 1] : NULL;
  pthread_mutex_unlock(&lock);
  *step = p ? p->step : NULL;
  *route = p ? p->route : NULL;
}
