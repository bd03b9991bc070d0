/* SPDX-License-Identifier: MIT
 * What is under way while a trace becomes JSON: goroutines, or user tasks, each
 * by its number. A hash table. Internal to src/trace: json.c uses it.
 *
 * All zeros is an empty table. Memory is lab_xmalloc's. Threads: the owner's.
 */
#ifndef LAB_TRACE_JSON_ITEMS_H
#define LAB_TRACE_JSON_ITEMS_H

#include <stddef.h>
#include <stdint.h>

typedef struct lab_trace_item {
  uint64_t key; /* 0: an empty place */
  uint64_t ts;
  uint32_t name;  /* goroutine: its entry's stack; task: a string */
  uint32_t lane;  /* task */
  uint32_t depth; /* goroutine: open regions */
} lab_trace_item;

typedef struct lab_trace_items {
  lab_trace_item *items; /* in no order */
  size_t size, count;    /* places; used ones */
} lab_trace_items;

/* The item of KEY, or NULL. Valid until the next call of add or drop. */
lab_trace_item *lab_trace_items_find(const lab_trace_items *m, uint64_t key);
/* The item of KEY, zeroed but for the key, whether it was there or not. */
lab_trace_item *lab_trace_items_add(lab_trace_items *m, uint64_t key);
/* Takes AT, which is in M, out. */
void lab_trace_items_drop(lab_trace_items *m, lab_trace_item *at);
void lab_trace_items_free(lab_trace_items *m);

#endif
