/* SPDX-License-Identifier: MIT
 * See metric.h. The list is sorted by name. It is searched from its beginning,
 * because there are few metrics. */
#include "base/metric.h"

#include <pthread.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"

/* ---- histograms ---------------------------------------------------------- */

#define DECADE(ns) ns, ns / 10 * 25, ns * 5
static const uint64_t bounds[LAB_HISTOGRAM_BOUNDS] = {
    DECADE(10000ull),
    DECADE(100000ull),
    DECADE(LAB_MILLISECOND),
    DECADE(10 * LAB_MILLISECOND),
    DECADE(100 * LAB_MILLISECOND),
    DECADE(LAB_SECOND),
    10 * LAB_SECOND,
    30 * LAB_SECOND,
};

double lab_histogram_bound(size_t i) {
  return (double)bounds[i] / (double)LAB_SECOND;
}

void lab_histogram_observe(lab_histogram *h, uint64_t ns) {
  size_t i = 0;
  while (i < LAB_HISTOGRAM_BOUNDS && ns > bounds[i])
    i++;
  atomic_fetch_add_explicit(&h->buckets[i], 1, memory_order_relaxed);
  atomic_fetch_add_explicit(&h->sum_ns, ns, memory_order_relaxed);
}

void lab_histogram_add(lab_histogram *to, const lab_histogram *from) {
  for (size_t i = 0; i <= LAB_HISTOGRAM_BOUNDS; i++)
    atomic_fetch_add_explicit(
        &to->buckets[i],
        atomic_load_explicit(&from->buckets[i], memory_order_relaxed),
        memory_order_relaxed);
  atomic_fetch_add_explicit(
      &to->sum_ns, atomic_load_explicit(&from->sum_ns, memory_order_relaxed),
      memory_order_relaxed);
}

/* ---- the list ------------------------------------------------------------ */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static lab_metric *first; /* by name, then by age */
static uint64_t made;

static bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
         c == ':';
}

bool lab_metric_name_is_good(const char *name) {
  if (!is_letter(*name))
    return false;
  while (is_letter(*name) || (*name >= '0' && *name <= '9'))
    name++;
  return *name == '\0';
}

size_t lab_metric_family_length(const char *name) {
  size_t len = strlen(name);
  return len > 6 && strcmp(name + len - 6, "_total") == 0 ? len - 6 : len;
}

bool lab_metric_same_family(const char *a, const char *b) {
  size_t len = lab_metric_family_length(a);
  return len == lab_metric_family_length(b) && memcmp(a, b, len) == 0;
}

lab_metric *lab_metric_new(lab_metric_kind kind, const char *name,
                           const char *help) {
  lab_metric *m = lab_xcalloc(1, sizeof *m);
  m->kind = kind;
  m->name = lab_xstrdup(name);
  m->help = help ? lab_xstrdup(help) : NULL;
  pthread_mutex_lock(&lock);
  lab_metric **at = &first;
  while (*at && strcmp((*at)->name, name) <= 0)
    at = &(*at)->next;
  m->age = ++made;
  m->next = *at;
  *at = m;
  pthread_mutex_unlock(&lock);
  return m;
}

void lab_metric_free(lab_metric *m) {
  if (!m)
    return;
  pthread_mutex_lock(&lock);
  lab_metric **at = &first;
  while (*at != m)
    at = &(*at)->next;
  *at = m->next;
  pthread_mutex_unlock(&lock);
  lab_xfree((char *)m->name);
  lab_xfree((char *)m->help);
  lab_xfree(m);
}

/* There are a few hundred metrics at most. */
static bool is_oldest_of_family(const lab_metric *m) {
  for (const lab_metric *other = first; other; other = other->next)
    if (other->age < m->age && lab_metric_same_family(other->name, m->name))
      return false;
  return true;
}

void lab_metric_each(void (*visit)(const lab_metric *m, void *arg), void *arg) {
  pthread_mutex_lock(&lock);
  for (const lab_metric *m = first; m; m = m->next)
    if (is_oldest_of_family(m))
      visit(m, arg);
  pthread_mutex_unlock(&lock);
}

/* ---- values -------------------------------------------------------------- */

void lab_metric_add(lab_metric *m, double delta) {
  double old = atomic_load_explicit(&m->value, memory_order_relaxed);
  while (!atomic_compare_exchange_weak_explicit(
      &m->value, &old, old + delta, memory_order_relaxed, memory_order_relaxed))
    ;
}

void lab_metric_set(lab_metric *m, double value) {
  atomic_store_explicit(&m->value, value, memory_order_relaxed);
}

double lab_metric_get(const lab_metric *m) {
  return atomic_load_explicit(&m->value, memory_order_relaxed);
}

/* The mark is read first: then the value is never below it. */
double lab_metric_since_mark(const lab_metric *m) {
  double marked = atomic_load_explicit(&m->marked, memory_order_acquire);
  return lab_metric_get(m) - marked;
}

void lab_metric_mark(void) {
  pthread_mutex_lock(&lock);
  for (lab_metric *m = first; m; m = m->next)
    if (m->kind == LAB_METRIC_COUNTER)
      atomic_store_explicit(&m->marked, lab_metric_get(m),
                            memory_order_release);
  pthread_mutex_unlock(&lock);
}
