/* SPDX-License-Identifier: MIT
 * See captures.h. */
#include "diagnosis/captures.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"

lab_capture *lab_capture_new(const char *kind, lab_blob *bytes) {
  lab_capture *c = lab_xcalloc(1, sizeof *c);
  atomic_init(&c->owners, 1);
  snprintf(c->kind, sizeof c->kind, "%s", kind);
  c->bytes = bytes;
  c->len = bytes ? lab_blob_len(bytes) : 0;
  c->waited = -1;
  return c;
}

lab_capture *lab_capture_ref(lab_capture *c) {
  atomic_fetch_add(&c->owners, 1);
  return c;
}

void lab_capture_unref(lab_capture *c) {
  if (!c || atomic_fetch_sub(&c->owners, 1) > 1)
    return;
  lab_blob_unref(c->bytes);
  lab_xfree(c);
}

static size_t memory_of_capture(const lab_capture *c) {
  return sizeof *c + (c->bytes ? lab_blob_memory(c->bytes) : 0);
}

static bool is_earlier(const lab_captures *all, const lab_capture *c) {
  return all->attempt != 0 && c->attempt != all->attempt;
}

/* What is in the list doesn't change, as other threads may read it: so another
 * one with the same facts takes its place. */
static void forget_bytes(lab_captures *all, size_t i) {
  lab_capture *old = all->items[i], *c = lab_xcalloc(1, sizeof *c);
  size_t facts = offsetof(lab_capture, id); /* after the owners */
  memcpy((char *)c + facts, (const char *)old + facts, sizeof *c - facts);
  atomic_init(&c->owners, 1);
  c->bytes = NULL;
  all->memory -= memory_of_capture(old) - memory_of_capture(c);
  all->items[i] = c;
  lab_capture_unref(old);
}

void lab_captures_visit(lab_captures *all, uint64_t attempt) {
  if (all->attempt == attempt)
    return;
  all->attempt = attempt;
  for (size_t i = 0; i < all->n; i++)
    if (all->items[i]->bytes && is_earlier(all, all->items[i]))
      forget_bytes(all, i);
}

/* Takes the capture at I out of the list. */
static void remove_capture(lab_captures *all, size_t i) {
  lab_capture *c = all->items[i];
  all->memory -= memory_of_capture(c);
  all->n--;
  memmove(all->items + i, all->items + i + 1,
          (all->n - i) * sizeof *all->items);
  lab_capture_unref(c);
}

unsigned lab_captures_add(lab_captures *all, lab_capture *c) {
  if (is_earlier(all, c)) { /* it ended after the switch */
    lab_blob_unref(c->bytes);
    c->bytes = NULL;
  }
  size_t memory = memory_of_capture(c);
  if (memory > LAB_CAPTURES_BYTES) {
    lab_capture_unref(c);
    return 0;
  }
  while (all->n == LAB_CAPTURES_MOST ||
         all->memory + memory > LAB_CAPTURES_BYTES)
    remove_capture(all, 0);
  if (all->n == all->cap) {
    all->cap = all->cap ? 2 * all->cap : 16;
    all->items = lab_xrealloc(all->items, all->cap * sizeof *all->items);
  }
  c->id = ++all->last;
  all->memory += memory;
  all->items[all->n++] = c;
  return c->id;
}

const lab_capture *lab_captures_find(const lab_captures *all, const void *bytes,
                                     size_t len) {
  for (size_t i = all->n; i-- > 0;) {
    const lab_blob *blob = all->items[i]->bytes;
    if (blob && lab_blob_len(blob) == len &&
        memcmp(lab_blob_data(blob), bytes, len) == 0)
      return all->items[i];
  }
  return NULL;
}

static double start_of_capture(const lab_capture *c) {
  return (double)c->at / 1e9 - c->seconds;
}

static bool is_answered_as(const lab_capture *c, const lab_capture *sent) {
  return !c->is_sent && !c->is_delta && c->attempt == sent->attempt &&
         strcmp(c->kind, sent->kind) == 0 &&
         fabs(start_of_capture(c) - start_of_capture(sent)) < 0.5;
}

/* How much longer or shorter C is. */
static double compare_length(const lab_capture *c, const lab_capture *sent) {
  return fabs(c->seconds - sent->seconds);
}

/* Two may have begun together. */
const lab_capture *lab_captures_find_answered(const lab_captures *all,
                                              const lab_capture *sent) {
  const lab_capture *best = NULL;
  for (size_t i = 0; i < all->n; i++) {
    const lab_capture *c = all->items[i];
    if (is_answered_as(c, sent) &&
        (!best || compare_length(c, sent) < compare_length(best, sent)))
      best = c;
  }
  return best;
}

/* all->n: there is none. */
static size_t find_capture(const lab_captures *all, unsigned id) {
  size_t i = 0;
  while (i < all->n && all->items[i]->id != id)
    i++;
  return i;
}

const lab_capture *lab_captures_get(const lab_captures *all, unsigned id) {
  size_t i = find_capture(all, id);
  return i < all->n ? all->items[i] : NULL;
}

bool lab_captures_drop(lab_captures *all, unsigned id) {
  size_t i = find_capture(all, id);
  if (i == all->n)
    return false;
  remove_capture(all, i);
  return true;
}

void lab_captures_clear(lab_captures *all) {
  while (all->n > 0)
    remove_capture(all, all->n - 1);
}

size_t lab_captures_count(const lab_captures *all) {
  return all->n;
}

size_t lab_captures_memory(const lab_captures *all) {
  return all->memory;
}

size_t lab_captures_of(const lab_captures *all, uint64_t attempt) {
  size_t n = 0;
  for (size_t i = 0; i < all->n; i++)
    n += all->items[i]->attempt == attempt;
  return n;
}

lab_capture **lab_captures_take(const lab_captures *all, size_t *n) {
  lab_capture **list = lab_xcalloc(all->n + 1, sizeof *list);
  for (size_t i = 0; i < all->n; i++)
    list[i] = lab_capture_ref(all->items[i]);
  *n = all->n;
  return list;
}

void lab_captures_give_back(lab_capture **list, size_t n) {
  for (size_t i = 0; i < n; i++)
    lab_capture_unref(list[i]);
  lab_xfree(list);
}

void lab_captures_free(lab_captures *all) {
  lab_captures_clear(all);
  lab_xfree(all->items);
  *all = (lab_captures)LAB_CAPTURES_INIT;
}
