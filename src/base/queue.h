/* SPDX-License-Identifier: MIT
 * Queues whose nodes are parts of the things in them.
 *
 * lab_mpsc hands things from many threads to one. A push takes no lock and says
 * whether the queue was empty: only then may the consumer have to be woken. The
 * consumer takes everything at once, oldest first, so one wake-up serves a
 * whole batch.
 *
 * lab_list is a plain doubly linked list for one thread.
 *
 * Intrusive: the node is a field of the thing that is queued, so queues need no
 * memory; LAB_CONTAINER gives the thing back. */
#ifndef LAB_BASE_QUEUE_H
#define LAB_BASE_QUEUE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

/* The struct of TYPE whose FIELD is at P. */
#define LAB_CONTAINER(p, type, field)                                          \
  ((type *)(void *)((char *)(p)-offsetof(type, field)))

typedef struct lab_mpsc_node {
  struct lab_mpsc_node *next;
} lab_mpsc_node;

typedef struct lab_mpsc {
  _Atomic(lab_mpsc_node *) head; /* newest first */
} lab_mpsc;

/* Puts NODE into the queue; any thread. True if the queue was empty before. */
static inline bool lab_mpsc_push(lab_mpsc *q, lab_mpsc_node *node) {
  lab_mpsc_node *head = atomic_load_explicit(&q->head, memory_order_relaxed);
  do
    node->next = head;
  while (!atomic_compare_exchange_weak_explicit(
      &q->head, &head, node, memory_order_seq_cst, memory_order_relaxed));
  return head == NULL;
}

static inline bool lab_mpsc_empty(const lab_mpsc *q) {
  return atomic_load_explicit(&q->head, memory_order_seq_cst) == NULL;
}

/* Takes all nodes out: oldest first, linked by next, or NULL. The consumer
 * only. */
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

/* Makes an empty list, or a node that is in no list: it points to itself. */
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

/* Calls VISIT for each node that is in LIST now, in its order, once. VISIT may
 * take any nodes out of the list, and put new ones in: these have no turn. */
static inline void lab_list_visit_each(lab_list *list,
                                       void (*visit)(lab_list *node, void *arg),
                                       void *arg) {
  lab_list todo = {list->next, list->prev};
  if (lab_list_empty(list))
    return;
  todo.next->prev = todo.prev->next = &todo;
  lab_list_init(list);
  while (!lab_list_empty(&todo)) {
    lab_list *node = todo.next;
    lab_list_remove(node);
    lab_list_push_back(list, node);
    visit(node, arg);
  }
}

#endif
