/* SPDX-License-Identifier: MIT
 * Turns on libuv's pool: how many there are, in which order, and who gives
 * up. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "loop/work.h"

enum { MANY = 20 };

typedef struct job {
  lab_turn turn;
  const char *name;
} job;

static char begun[256];

static void note_begin(lab_turn *turn) {
  const job *j = LAB_CONTAINER(turn, job, turn);
  snprintf(begun + strlen(begun), sizeof begun - strlen(begun), "%s ", j->name);
}

static void want(job *j, lab_turn_line line, const char *name) {
  *j = (job){.name = name};
  lab_turn_take(&j->turn, line, note_begin);
}

static void expect(const char *wanted) {
  assert_string_equal(begun, wanted);
  begun[0] = '\0';
}

static void three_at_a_time(void **state) {
  job any[MANY];
  (void)state;
  for (int i = 0; i < MANY; i++)
    want(&any[i], LAB_TURN_ANY, "a");
  expect("a a a ");
  for (int i = 0; i < MANY; i++) {
    assert_int_equal(lab_turn_waits(&any[i].turn), false);
    lab_turn_end(&any[i].turn);
    expect(i < MANY - LAB_TURNS_MOST ? "a " : "");
  }
}

/* Whatever waits for a name server, and however many browsers come. */
static void others_have_a_thread(void **state) {
  job lookup[MANY], page[MANY], any[2], soon;
  (void)state;
  for (int i = 0; i < MANY; i++)
    want(&lookup[i], LAB_TURN_LOOKUP, "lookup");
  for (int i = 0; i < MANY; i++)
    want(&page[i], LAB_TURN_PAGE, "page");
  expect("lookup page ");
  want(&any[0], LAB_TURN_ANY, "any");
  want(&any[1], LAB_TURN_ANY, "any");
  expect("any ");
  want(&soon, LAB_TURN_SOON, "soon");
  expect("");
  lab_turn_end(&any[0].turn);
  expect("soon ");
  lab_turn_end(&soon.turn);
  expect("any ");
  lab_turn_end(&any[1].turn);
  expect("");
  for (int i = 0; i < MANY; i++)
    lab_turn_end(&lookup[i].turn);
  for (int i = MANY - 1; i >= 0; i--) /* those that wait don't any more */
    lab_turn_end(&page[i].turn);
  begun[0] = '\0';
}

static void who_gives_up_has_no_turn(void **state) {
  job any[5];
  (void)state;
  for (int i = 0; i < 5; i++)
    want(&any[i], LAB_TURN_ANY, i == 4 ? "last" : "a");
  expect("a a a ");
  assert_true(lab_turn_waits(&any[3].turn));
  lab_turn_end(&any[3].turn);
  lab_turn_end(&any[3].turn);
  expect("");
  lab_turn_end(&any[0].turn);
  expect("last ");
  lab_turn_end(&any[1].turn);
  lab_turn_end(&any[2].turn);
  lab_turn_end(&any[4].turn);
  expect("");
}

/* ---- work ---------------------------------------------------------------- */

typedef struct chore {
  lab_work work;
  uv_sem_t go;
  bool done;
} chore;

static void wait_for_go(lab_work *work) {
  uv_sem_wait(&LAB_CONTAINER(work, chore, work)->go);
}

static void note_done(lab_work *work) {
  LAB_CONTAINER(work, chore, work)->done = true;
}

static void open_chore(chore *c) {
  *c = (chore){.done = false};
  assert_int_equal(uv_sem_init(&c->go, 0), 0);
}

static void finish_chore(uv_loop_t *loop, chore *c) {
  uv_sem_post(&c->go);
  while (!c->done)
    uv_run(loop, UV_RUN_ONCE);
}

static void a_thread_is_left_for_short_work(void **state) {
  uv_loop_t loop;
  chore slow[5], quick;
  (void)state;
  assert_int_equal(uv_loop_init(&loop), 0);
  for (int i = 0; i < 5; i++) {
    open_chore(&slow[i]);
    lab_work_begin(&slow[i].work, &loop, LAB_TURN_ANY, wait_for_go, note_done);
  }
  open_chore(&quick);
  lab_work_at_once(&quick.work, &loop, wait_for_go, note_done);
  finish_chore(&loop, &quick); /* no other may end */
  assert_false(lab_work_withdraw(&slow[0].work));
  assert_true(lab_work_withdraw(&slow[4].work));
  assert_false(lab_work_withdraw(&slow[4].work));
  for (int i = 0; i < 4; i++)
    finish_chore(&loop, &slow[i]);
  assert_false(slow[4].done);
  for (int i = 0; i < 5; i++)
    uv_sem_destroy(&slow[i].go);
  uv_sem_destroy(&quick.go);
  assert_int_equal(uv_loop_close(&loop), 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(three_at_a_time),
      cmocka_unit_test(others_have_a_thread),
      cmocka_unit_test(who_gives_up_has_no_turn),
      cmocka_unit_test(a_thread_is_left_for_short_work),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
