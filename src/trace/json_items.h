/* SPDX-License-Identifier: MIT
 * What is under way while a trace becomes JSON: goroutines, or user tasks, each
 * by its number, in a hash table; the regions that are open; and where a row's
 * next slice may begin. Internal to src/trace: json.c uses it.
 *
 * All zeros is an empty table. Memory is lab_xmalloc's. Threads: the owner's.
 */
#ifndef LAB_TRACE_JSON_ITEMS_H
#define LAB_TRACE_JSON_ITEMS_H

#include <stddef.h>
#include <stdint.h>

typedef struct lab_trace_item {
  uint64_t key;    /* 0: an empty place */
  uint64_t ts;     /* task: its beginning; goroutine: of its row's next mark, at
                      least */
  uint32_t name;   /* goroutine: its entry's stack; task: a string */
  uint32_t lane;   /* task */
  uint32_t region; /* goroutine: the innermost that is open; its owner's */
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

/* ---- open regions -------------------------------------------------------- */

typedef struct lab_trace_open_name {
  uint32_t name;  /* a string */
  uint32_t outer; /* place + 1 of the next one, or 0 */
} lab_trace_open_name;

/* The names of what is open, in one stack for each goroutine. The owner of a
 * stack has only the number of its innermost name, 0 at first. */
typedef struct lab_trace_open_names {
  lab_trace_open_name *all;
  uint32_t count, free;
} lab_trace_open_names;

void lab_trace_open_push(lab_trace_open_names *o, uint32_t *innermost,
                         uint32_t name);
/* *INNERMOST isn't 0. Returns the name. */
uint32_t lab_trace_open_pop(lab_trace_open_names *o, uint32_t *innermost);
void lab_trace_open_free(lab_trace_open_names *o);

/* ---- slices -------------------------------------------------------------- */

typedef struct lab_trace_slice {
  uint64_t from, to;
} lab_trace_slice;

/* The slice from FROM to TO in a row whose next slice may begin at *NEXT: it
 * begins later if it has to, and *NEXT is 1 ns after its end. */
lab_trace_slice lab_trace_slice_after(uint64_t *next, uint64_t from,
                                      uint64_t to);

#endif
