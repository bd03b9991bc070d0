/* SPDX-License-Identifier: MIT
 * See goroutine_awaited.h. A lock's entry is found by the lock's address, that
 * of another thing by its name. */
#include "prof/goroutine_awaited.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/hash.h"
#include "base/utf8.h"
#include "prof/goroutine_internal.h"

enum { HELD_SHOWN = 8 };

typedef struct awaited {
  const void *lock; /* NULL: it is no lock */
  lab_lock_view view;
  uint64_t at; /* mono ns at which the entry was made */
  size_t name; /* place of the name in awaited_names */
  size_t len;  /* of the name; 0: it has none */
} awaited;

static awaited *get_awaited(const lab_goroutines *g, uint32_t number) {
  return (awaited *)(void *)g->awaited.data + (number - 1);
}

void lab_awaited_free(lab_goroutines *g) {
  lab_buf_free(&g->awaited);
  lab_buf_free(&g->awaited_names);
  lab_table_free(&g->awaited_table);
}

static uint32_t add_awaited(lab_goroutines *g, const awaited *one,
                            uint64_t hash) {
  lab_buf_append(&g->awaited, one, sizeof *one);
  uint32_t number = (uint32_t)(g->awaited.len / sizeof *one);
  lab_table_add(&g->awaited_table, hash, number);
  return number;
}

/* ---- names --------------------------------------------------------------- */

/* What a name may not have, because it has a meaning in the line. */
static bool is_kept_apart(char c) {
  return (unsigned char)c < ' ' || c == 0x7f || strchr("[],;\"", c);
}

static size_t cut_name(const char *name, size_t len) {
  return len > LAB_AWAITED_NAME ? lab_utf8_trim(name, LAB_AWAITED_NAME) : len;
}

void lab_awaited_set_name(lab_goroutines *g, uint32_t number, const char *name,
                          size_t len) {
  awaited *one = get_awaited(g, number);
  if (one->len > 0)
    return;
  one->name = g->awaited_names.len;
  one->len = cut_name(name, len);
  lab_buf_append(&g->awaited_names, name, one->len);
}

static void write_awaited_name(const lab_goroutines *g, const awaited *one,
                               lab_buf *out) {
  char name[LAB_AWAITED_NAME];
  memcpy(name, g->awaited_names.data + one->name, one->len);
  for (size_t i = 0; i < one->len; i++)
    if (is_kept_apart(name[i]))
      name[i] = '_';
  for (size_t i = 0; i < one->len; i++)
    if (lab_utf8_is_c1(name + i, one->len - i))
      name[i] = name[i + 1] = '_';
  lab_buf_putc(out, '"');
  lab_utf8_append(out, name, one->len);
  lab_buf_putc(out, '"');
}

uint32_t lab_awaited_named(lab_goroutines *g, const char *name, size_t len) {
  size_t kept = cut_name(name, len);
  uint64_t hash = lab_hash_bytes(name, kept, 0);
  lab_table_walk walk = lab_table_find(&g->awaited_table, hash);
  for (uint32_t id; (id = lab_table_next(&walk));) {
    const awaited *one = get_awaited(g, id);
    if (!one->lock && one->len == kept &&
        memcmp(g->awaited_names.data + one->name, name, kept) == 0)
      return id;
  }
  uint32_t number = add_awaited(g, &(awaited){.lock = NULL}, hash);
  lab_awaited_set_name(g, number, name, len);
  return number;
}

/* ---- locks --------------------------------------------------------------- */

static uint64_t hash_lock(const void *lock) {
  return lab_hash_u64((uintptr_t)lock);
}

uint32_t lab_awaited_lock(const lab_goroutines *g, const void *lock) {
  lab_table_walk walk = lab_table_find(&g->awaited_table, hash_lock(lock));
  for (uint32_t id; (id = lab_table_next(&walk));)
    if (get_awaited(g, id)->lock == lock)
      return id;
  return 0;
}

uint32_t lab_awaited_add_lock(lab_goroutines *g, const void *lock,
                              const lab_lock_view *view) {
  return add_awaited(
      g, &(awaited){.lock = lock, .view = *view, .at = g->taken_mono},
      hash_lock(lock));
}

static void write_since(const awaited *one, lab_buf *out) {
  uint64_t since = one->view.holders[0].since;
  double s = one->at > since ? (double)(one->at - since) / LAB_SECOND : 0;
  lab_buf_printf(out, " since %.*f s", s < 1 ? 3 : 1, s);
}

/* Since when the first of them has it, and which tasks they are. */
static void write_holders(const awaited *one,
                          bool (*has_ended)(const void *arg, uint64_t id),
                          const void *arg, lab_buf *out) {
  const lab_lock_view *v = &one->view;
  write_since(one, out);
  lab_buf_puts(out, v->held == 1 ? ": task" : ": tasks");
  for (size_t i = 0; i < v->held && i < LAB_LOCK_SHOWN; i++) {
    uint64_t id = v->holders[i].task;
    lab_buf_printf(out, " %" PRIu64 "%s", id,
                   has_ended(arg, id) ? " (ended)" : "");
  }
  if (v->held > LAB_LOCK_SHOWN)
    lab_buf_puts(out, " and others");
}

static void write_one_holder(const awaited *one,
                             bool (*has_ended)(const void *arg, uint64_t id),
                             const void *arg, lab_buf *out) {
  uint64_t id = one->view.holders[0].task;
  if (id)
    lab_buf_printf(out, "held by %stask %" PRIu64,
                   one->view.reading ? "reader " : "", id);
  else
    lab_buf_puts(out, "held by no task");
  write_since(one, out);
  if (id && has_ended(arg, id))
    lab_buf_puts(out, "; it has ended");
}

void lab_awaited_write(const lab_goroutines *g, uint32_t number,
                       bool (*has_ended)(const void *arg, uint64_t id),
                       const void *arg, lab_buf *out) {
  const awaited *one = get_awaited(g, number);
  if (one->len > 0)
    write_awaited_name(g, one, out);
  if (one->view.held == 0)
    return;
  if (one->len > 0)
    lab_buf_putc(out, ' ');
  if (one->view.size > 0)
    lab_buf_printf(out, "%zu of %zu taken", one->view.held, one->view.size);
  else if (one->view.held > 1)
    lab_buf_printf(out, "held by %zu readers", one->view.held);
  if (one->view.size > 0 || one->view.held > 1)
    write_holders(one, has_ended, arg, out);
  else
    write_one_holder(one, has_ended, arg, out);
  lab_buf_printf(out, "; %zu wait", one->view.waiting);
}

/* ---- who has which locks ------------------------------------------------- */

typedef struct held {
  uint64_t task;
  uint32_t number; /* of the lock's entry */
} held;

typedef struct waiters {
  uint64_t ids[LAB_LOCK_SHOWN];
  size_t n; /* that wait in the picture */
} waiters;

static size_t count_awaited(const lab_goroutines *g) {
  return g->awaited.len / sizeof(awaited);
}

static int compare_held(const void *x, const void *y) {
  const held *a = x, *b = y;
  if (a->task != b->task)
    return a->task < b->task ? -1 : 1;
  return (a->number > b->number) - (a->number < b->number);
}

/* By task; who has a thing twice, as a reader or of a pool, is there once. */
static void sort_held(lab_buf *holders) {
  held *all = (held *)(void *)holders->data;
  size_t n = holders->len / sizeof *all, kept = 0;
  qsort(all, n, sizeof *all, compare_held);
  for (size_t i = 0; i < n; i++)
    if (kept == 0 || compare_held(&all[kept - 1], &all[i]) != 0)
      all[kept++] = all[i];
  holders->len = kept * sizeof *all;
}

void lab_held_begin(lab_held *h, const lab_goroutines *g) {
  uint32_t n = (uint32_t)count_awaited(g);
  *h = (lab_held){.goroutines = g};
  for (uint32_t number = 1; number <= n; number++) {
    const lab_lock_view *v = &get_awaited(g, number)->view;
    for (size_t i = 0; i < v->held && i < LAB_LOCK_SHOWN; i++) {
      held one = {v->holders[i].task, number};
      if (one.task)
        lab_buf_append(&h->holders, &one, sizeof one);
    }
  }
  if (h->holders.len == 0)
    return;
  sort_held(&h->holders);
  h->waiters = lab_xcalloc(n, sizeof(waiters));
}

void lab_held_add_waiter(lab_held *h, uint64_t id, uint32_t number) {
  if (number == 0 || !h->waiters)
    return;
  waiters *w = (waiters *)h->waiters + (number - 1);
  if (w->n < LAB_LOCK_SHOWN)
    w->ids[w->n] = id;
  w->n++;
}

void lab_held_end(lab_held *h) {
  lab_buf_free(&h->holders);
  lab_xfree(h->waiters);
  h->waiters = NULL;
}

static void write_held_lock(const lab_held *h, uint32_t number, lab_buf *out) {
  const awaited *one = get_awaited(h->goroutines, number);
  const waiters *w = (const waiters *)h->waiters + (number - 1);
  lab_buf_puts(out, one->view.reading ? "reads " : "holds ");
  if (one->len > 0)
    write_awaited_name(h->goroutines, one, out);
  else
    lab_buf_puts(out, "a lock");
  lab_buf_printf(out, ": %zu wait", one->view.waiting);
  for (size_t i = 0; i < w->n && i < LAB_LOCK_SHOWN; i++)
    lab_buf_printf(out, "%s %" PRIu64, i == 0 ? ": tasks" : "", w->ids[i]);
  if (w->n > 0 && one->view.waiting > LAB_LOCK_SHOWN)
    lab_buf_puts(out, " and others");
}

/* The place of the task's first lock in the list, or where it would be. */
static size_t find_held(const held *all, size_t n, uint64_t id) {
  size_t from = 0;
  for (size_t to = n; from < to;) {
    size_t middle = from + (to - from) / 2;
    if (all[middle].task < id)
      from = middle + 1;
    else
      to = middle;
  }
  return from;
}

void lab_held_write(const lab_held *h, uint64_t id, lab_buf *out) {
  const held *all = (const held *)(const void *)h->holders.data;
  size_t n = h->holders.len / sizeof *all, from = find_held(all, n, id);
  size_t i = from;
  for (; i < n && all[i].task == id && i < from + HELD_SHOWN; i++) {
    if (i > from)
      lab_buf_puts(out, "; ");
    write_held_lock(h, all[i].number, out);
  }
  if (i < n && all[i].task == id)
    lab_buf_puts(out, "; and others");
}
