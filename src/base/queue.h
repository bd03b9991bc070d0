/* SPDX-License-Identifier: MIT
 * Intrusive queues.
 *
 * lab_mpsc hands things from many threads to one: push is lock-free and tells
 * whether the queue was empty (then, and only then, the consumer may have to be
 * woken); the consumer takes everything at once, oldest first. One wake-up thus
 * serves a whole batch.
 *
 * lab_list is a plain doubly linked list for one thread. */
#ifndef LAB_BASE_QUEUE_H
#define LAB_BASE_QUEUE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#define LAB_CONTAINER(p, type, field)                                          \
  ((type *)(void *)((char *)(p)-offsetof(type, field)))

typedef struct lab_mpsc_node {
  struct lab_mpsc_node *next;
} lab_mpsc_node;

typedef struct lab_mpsc {
  _Atomic(lab_mpsc_node *) head; /* newest first */
} lab_mpsc;

/* Any thread. True if the queue was empty before. */
static inline bool lab_mpsc_push(lab_mpsc *q, lab_mpsc_node *node) {
  lab_mpsc_node *head = atomic_load_explicit(&q->head, memory_order_relaxed);
  do
    node->next = head;
  while (!atomic_compare_exchange_weak_explicit(&q->head, &head, node,
                                                memory_order_seq_cst,
                                                memory_order_relaxed));
  return head == NULL;
}

static inline bool lab_mpsc_empty(const lab_mpsc *q) {
  return atomic_load_explicit(&q->head, memory_order_seq_cst) == NULL;
}

/* The consumer only: all nodes, oldest first, linked by next; or NULL. */
static inline lab_mpsc_node *lab_mpsc_take_all(lab_mpsc *q) {
  lab_mpsc_node *node = atomic_exchange(&q->head, NULL);
  lab_mpsc_node *oldest = NULL;
  while (node) {
    lab_mpsc_node *next = node->next;
    node->next = oldest;
    oldest = node;
    node = next;
  }
  return oldest;
}

typedef struct lab_list {
  struct lab_list *next, *prev;
} lab_list;

/* An empty list, or a node in no list, points to itself. */
static inline void lab_list_init(lab_list *l) {
  l->next = l->prev = l;
}

static inline bool lab_list_empty(const lab_list *l) {
  return l->next == l;
}

static inline void lab_list_push_back(lab_list *l, lab_list *node) {
  node->prev = l->prev;
  node->next = l;
  l->prev->next = node;
  l->prev = node;
}

/* Takes NODE out of its list, if it is in one. */
static inline void lab_list_remove(lab_list *node) {
  node->prev->next = node->next;
  node->next->prev = node->prev;
  lab_list_init(node);
}

#endif
