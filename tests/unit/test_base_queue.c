/* SPDX-License-Identifier: MIT
 * Queues: from many threads to one, and lists that change while they are
 * visited. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>

#include "base/queue.h"

/* ---- from many threads --------------------------------------------------- */

enum { THREADS = 4, EACH = 20000 };

typedef struct letter {
  lab_mpsc_node node;
  int from, number;
} letter;

static lab_mpsc queue;
static letter letters[THREADS][EACH];

static void *push_letters(void *arg) {
  letter *mine = arg;
  for (int i = 0; i < EACH; i++)
    lab_mpsc_push(&queue, &mine[i].node);
  return NULL;
}

static void each_thread_is_heard_in_its_order(void **state) {
  (void)state;
  pthread_t threads[THREADS];
  int heard[THREADS] = {0}, all = 0;
  for (int t = 0; t < THREADS; t++) {
    for (int i = 0; i < EACH; i++)
      letters[t][i] = (letter){.from = t, .number = i};
    pthread_create(&threads[t], NULL, push_letters, letters[t]);
  }
  while (all < THREADS * EACH)
    for (lab_mpsc_node *n = lab_mpsc_take_all(&queue); n; n = n->next, all++) {
      const letter *l = LAB_CONTAINER(n, letter, node);
      assert_int_equal(l->number, heard[l->from]++);
    }
  for (int t = 0; t < THREADS; t++)
    pthread_join(threads[t], NULL);
  assert_true(lab_mpsc_empty(&queue));
}

static void the_first_push_wakes(void **state) {
  (void)state;
  letter a, b;
  assert_true(lab_mpsc_push(&queue, &a.node));
  assert_false(lab_mpsc_push(&queue, &b.node));
  assert_ptr_equal(lab_mpsc_take_all(&queue), &a.node);
  assert_null(lab_mpsc_take_all(&queue));
}

/* ---- lists --------------------------------------------------------------- */

typedef struct guest {
  lab_list link;
  int visits;
  struct guest *throws_out, *brings; /* or NULL */
} guest;

static void visit_guest(lab_list *node, void *list) {
  guest *g = LAB_CONTAINER(node, guest, link);
  g->visits++;
  if (g->throws_out)
    lab_list_remove(&g->throws_out->link);
  if (g->brings)
    lab_list_push_back(list, &g->brings->link);
}

static void a_visit_may_change_the_list(void **state) {
  (void)state;
  lab_list list;
  guest g[6] = {0};
  lab_list_init(&list);
  lab_list_visit_each(&list, visit_guest, &list);
  assert_true(lab_list_empty(&list));
  for (int i = 0; i < 6; i++)
    lab_list_init(&g[i].link);
  for (int i = 0; i < 5; i++)
    lab_list_push_back(&list, &g[i].link);
  g[0].throws_out = &g[0];
  g[1].throws_out = &g[2];
  g[3].throws_out = &g[1];
  g[3].brings = &g[5];
  lab_list_visit_each(&list, visit_guest, &list);
  static const int visits[] = {1, 1, 0, 1, 1, 0};
  for (int i = 0; i < 6; i++)
    assert_int_equal(g[i].visits, visits[i]);
  const lab_list *in_order[] = {&g[3].link, &g[5].link, &g[4].link, &list};
  const lab_list *at = list.next;
  for (int i = 0; i < 4; i++, at = at->next) {
    assert_ptr_equal(at, in_order[i]);
    assert_ptr_equal(at->next->prev, at);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(each_thread_is_heard_in_its_order),
      cmocka_unit_test(the_first_push_wakes),
      cmocka_unit_test(a_visit_may_change_the_list),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
