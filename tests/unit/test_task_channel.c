/* SPDX-License-Identifier: MIT
 * Channels against a model. Tasks send, receive and select at random, plainly
 * or in several channels at once, some for as long as they have time; others
 * close channels and cancel tasks.
 *
 * The model of a channel is two lists: the values that were offered and not
 * taken back, oldest first (buffered ones, then those of parked senders), and
 * the parked receivers. A value must be the oldest when it is received, and a
 * parked receiver the oldest when it gets one; so none is lost, doubled or
 * overtaken. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "base/rng.h"
#include "task/channel.h"

enum { ACTORS = 16, CHANNELS = 4, CAP = 3, CASES = 4, STEPS = 300000 };
enum { LIST = CAP + ACTORS * CASES, PATIENCE = 20000 /* ns, at most */ };

typedef struct list {
  uint64_t items[LIST];
  unsigned n;
} list;

typedef struct channel {
  lab_channel base;
  uint64_t slots[CAP];
  list values, receivers;
} channel;

typedef struct actor {
  lab_task base;
  bool waits; /* parked, or woken and not yet run */
  bool in_select;
  lab_select_case cases[CASES]; /* [0] only if it isn't in a select */
  unsigned ncases;
  uint64_t value; /* that it sends, in whatever case */
  uint64_t got;   /* 0: nothing */
} actor;

static lab_sched *sched;
static actor actors[ACTORS];
static channel channels[CHANNELS];
static uint64_t rng, last_value, received;
static unsigned steps, cancels, closings, selects, lost_to_cancelled, expiries;

static unsigned pick(unsigned n) {
  return (unsigned)(lab_rng_next(&rng) % n);
}

static actor *self(lab_task *task) {
  return LAB_CONTAINER(task, actor, base);
}

static channel *of(lab_channel *c) {
  return LAB_CONTAINER(c, channel, base);
}

/* ---- lists
 * ------------------------------------------------------------------- */

static void append(list *l, uint64_t item) {
  assert_true(l->n < LIST);
  l->items[l->n++] = item;
}

static void drop(list *l, uint64_t item) {
  for (unsigned i = 0; i < l->n; i++) {
    if (l->items[i] != item)
      continue;
    memmove(&l->items[i], &l->items[i + 1], (--l->n - i) * sizeof item);
    i--;
  }
}

/* A select may offer its value twice in one channel. */
static void keep_first(list *l, uint64_t item) {
  unsigned i = 0;
  while (l->items[i] != item)
    assert_true(++i < l->n);
  drop(l, item);
  memmove(&l->items[i + 1], &l->items[i], (l->n++ - i) * sizeof item);
  l->items[i] = item;
}

/* A waits in no channel any more; its value stays in KEEP (or NULL). */
static void forget(const actor *a, const channel *keep) {
  for (unsigned i = 0; i < a->ncases; i++) {
    channel *c = a->cases[i].channel ? of(a->cases[i].channel) : NULL;
    if (!c)
      continue;
    drop(&c->receivers, a->base.id);
    if (c != keep)
      drop(&c->values, a->value);
  }
}

/* ---- the owner's part
 * -------------------------------------------------------- */

static uint64_t leave(channel *c, const lab_channel_end *from, size_t slot) {
  if (!from)
    return c->slots[slot];
  actor *a = self(from->task);
  if (a->base.state == LAB_TASK_WAITING) {
    forget(a, c);
    keep_first(&c->values, a->value);
  } else {
    append(&c->values, a->value);
  }
  return a->value;
}

/* A parked receiver first leaves: its select may also have offered a value
 * right here. */
static void arrive(channel *c, const lab_channel_end *to, uint64_t value) {
  actor *a = self(to->task);
  if (a->base.state == LAB_TASK_WAITING) {
    assert_int_equal(a->base.id, c->receivers.items[0]);
    forget(a, NULL);
  }
  assert_int_equal(value, c->values.items[0]);
  drop(&c->values, value);
  assert_int_equal(a->got, 0);
  a->got = value;
  received++;
}

static void move(lab_channel *base, const lab_channel_end *from,
                 const lab_channel_end *to, size_t slot) {
  channel *c = of(base);
  assert_true(from || to);
  assert_true(slot < CAP);
  uint64_t value = leave(c, from, slot);
  if (to)
    arrive(c, to, value);
  else
    c->slots[slot] = value;
}

/* ---- what must hold after each step
 * --------------------------------------------
 */

static unsigned length(const lab_list *l) {
  unsigned n = 0;
  for (const lab_list *at = l->next; at != l; at = at->next)
    n++;
  return n;
}

static void check(const channel *c) {
  const lab_channel *b = &c->base;
  unsigned receivers =
      length(&b->receivers.tasks) + length(&b->receivers.places);
  unsigned senders = length(&b->senders.tasks) + length(&b->senders.places);
  assert_int_equal(receivers, c->receivers.n);
  assert_int_equal(b->len + senders, c->values.n);
  assert_true(receivers == 0 || b->len == 0);
  assert_true(senders == 0 || b->len == b->cap);
  assert_true(!b->closed || receivers + senders == 0);
}

/* ---- what tasks do
 * ------------------------------------------------------------- */

static channel *some_channel(void) {
  return &channels[pick(CHANNELS)];
}

static void note_wait(actor *a) {
  a->waits = true;
  if (pick(4) == 0)
    lab_task_wake_after(sched, &a->base, pick(PATIENCE));
  for (unsigned i = 0; i < a->ncases; i++) {
    lab_select_case *k = &a->cases[i];
    if (!k->channel)
      continue;
    channel *c = of(k->channel);
    if (k->send)
      append(&c->values, a->value);
    else
      append(&c->receivers, a->base.id);
  }
}

/* An operation is over; MOVED: not by closing or cancelling. */
static void over(actor *a, const lab_select_case *k, bool moved) {
  if (moved && !k->send)
    assert_true(a->got != 0);
  else
    assert_int_equal(a->got, 0);
  a->got = 0;
}

static void do_plain(actor *a) {
  lab_select_case *k = &a->cases[0];
  lab_channel *c = &some_channel()->base;
  *k = (lab_select_case){.channel = c, .send = pick(2)};
  a->ncases = 1;
  a->in_select = false;
  int rc = k->send ? lab_channel_send(sched, c, &a->base)
                   : lab_channel_receive(sched, c, &a->base);
  if (rc != -EAGAIN) {
    assert_true(rc == 0 || (rc == -EPIPE && c->closed));
    over(a, k, rc == 0);
    return;
  }
  assert_false(c->closed);
  if (k->send)
    lab_channel_wait_send(sched, c, &a->base, 1);
  else
    lab_channel_wait_receive(sched, c, &a->base, 1);
  note_wait(a);
}

/* The same channel may be in several cases, in either direction. */
static void do_select(actor *a) {
  a->ncases = 1 + pick(CASES);
  a->in_select = true;
  for (unsigned i = 0; i < a->ncases; i++)
    a->cases[i] = (lab_select_case){
        .channel = pick(10) ? &some_channel()->base : NULL, .send = pick(2)};
  bool moved;
  int i = lab_select_try(sched, &a->base, a->cases, a->ncases, &rng, &moved);
  if (i >= 0) {
    assert_true(moved || a->cases[i].channel->closed);
    over(a, &a->cases[i], moved);
    return;
  }
  if (pick(3) == 0)
    return; /* the default case */
  lab_select_wait(sched, &a->base, a->cases, a->ncases, 1);
  assert_int_equal(a->base.wait, LAB_WAIT_SELECT);
  selects++;
  note_wait(a);
}

/* Runs again after it was parked. */
static void woken(actor *a) {
  a->waits = false;
  if (a->base.cancelled) {
    lost_to_cancelled += a->base.granted && a->got;
    a->got = 0;
    return;
  }
  int i = a->in_select ? lab_select_chosen(a->cases, a->ncases) : 0;
  if (a->base.expired) {
    assert_false(a->base.granted);
    assert_int_equal(a->got, 0);
    assert_true(i < 0 || !a->in_select);
    expiries++;
    return;
  }
  assert_in_range(i, 0, a->ncases - 1);
  over(a, &a->cases[i], a->base.granted);
}

static void cancel_some(const actor *me) {
  actor *a = &actors[pick(ACTORS)];
  if (a == me || a->base.cancelled)
    return;
  cancels++;
  a->base.cancelled = true;
  if (a->base.state == LAB_TASK_WAITING)
    lab_task_give_up(sched, &a->base);
}

/* The scheduler's gives_up. */
static void give_up(lab_task *task, void *arg) {
  (void)arg;
  forget(self(task), NULL);
}

static void close_some(void) {
  channel *c = some_channel();
  if (c->base.closed) {
    assert_int_equal(lab_channel_close(sched, &c->base), -EPIPE);
    if (c->base.len == 0) /* open again, with another capacity */
      lab_channel_init(&c->base, pick(CAP + 1), move);
    return;
  }
  closings++;
  for (int i = 0; i < ACTORS; i++) {
    actor *a = &actors[i];
    bool here = false;
    for (unsigned k = 0; k < a->ncases; k++)
      here |= a->cases[k].channel == &c->base;
    if (here && a->waits && a->base.state == LAB_TASK_WAITING)
      forget(a, NULL);
  }
  assert_int_equal(lab_channel_close(sched, &c->base), 0);
}

static void act(lab_task *task, void *arg) {
  actor *a = self(task);
  (void)arg;
  bool ran = a->waits;
  if (a->waits)
    woken(a);
  a->base.cancelled = false; /* a new life */
  a->value = ran ? a->value : ++last_value;
  if (!ran && pick(2))
    do_plain(a);
  else if (!ran)
    do_select(a);
  if (pick(10) == 0)
    cancel_some(a);
  if (pick(50) == 0)
    close_some();
  for (int i = 0; i < CHANNELS; i++)
    check(&channels[i]);
  if (a->base.state == LAB_TASK_RUNNING)
    lab_task_ready(sched, task);
  if (++steps == STEPS)
    lab_sched_stop(sched);
}

/* All are parked sooner or later: somebody must go on opening, closing and
 * cancelling. */
static void stir(void *arg) {
  (void)arg;
  cancel_some(NULL);
  close_some();
}

static void test_against_model(void **state) {
  (void)state;
  static const lab_sched_ops ops = {
      .resume = act, .idle = stir, .gives_up = give_up};
  rng = 3;
  sched = lab_sched_new(&ops, NULL);
  for (unsigned i = 0; i < CHANNELS; i++)
    lab_channel_init(&channels[i].base, i < 2 ? 0 : i, move);
  for (int i = 0; i < ACTORS; i++) {
    lab_task_init(sched, &actors[i].base, 0);
    lab_task_ready(sched, &actors[i].base);
  }
  lab_sched_run(sched);
  for (int i = 0; i < ACTORS; i++)
    lab_task_end(sched, &actors[i].base); /* parked ones leave all queues */
  for (int i = 0; i < CHANNELS; i++) {
    channels[i].values.n = channels[i].base.len;
    channels[i].receivers.n = 0;
    check(&channels[i]);
  }
  lab_sched_free(sched);
  assert_true(received > STEPS / 20);
  assert_true(selects > STEPS / 50);
  assert_true(cancels > STEPS / 100);
  assert_true(closings > STEPS / 500);
  assert_true(lost_to_cancelled > 10);
  assert_true(expiries > 100);
}

/* ---- one by one
 * ----------------------------------------------------------------
 */

static void nothing(lab_task *task, void *arg) {
  (void)task;
  (void)arg;
}

static int setup(void **state) {
  (void)state;
  static const lab_sched_ops ops = {.resume = nothing};
  memset(actors, 0, sizeof actors);
  memset(channels, 0, sizeof channels);
  sched = lab_sched_new(&ops, NULL);
  for (int i = 0; i < 4; i++) {
    lab_task_init(sched, &actors[i].base, 0);
    actors[i].value = 10 + (unsigned)i;
  }
  return 0;
}

static int teardown(void **state) {
  (void)state;
  for (int i = 0; i < 4; i++)
    lab_task_end(sched, &actors[i].base);
  lab_sched_free(sched);
  return 0;
}

static uint64_t took, gave;

static void note_ends(lab_channel *c, const lab_channel_end *from,
                      const lab_channel_end *to, size_t slot) {
  (void)c;
  (void)slot;
  gave = from->task->id;
  took = to->task->id;
}

/* A select in between two plain receivers is served in between. */
static void test_order(void **state) {
  (void)state;
  lab_channel c, other;
  lab_channel_init(&c, 0, note_ends);
  lab_channel_init(&other, 0, note_ends);
  lab_select_case cases[2] = {{.channel = &other}, {.channel = &c}};
  lab_channel_wait_receive(sched, &c, &actors[0].base, 1);
  lab_select_wait(sched, &actors[1].base, cases, 2, 1);
  lab_channel_wait_receive(sched, &c, &actors[2].base, 1);
  for (unsigned i = 0; i < 3; i++) {
    assert_int_equal(lab_channel_send(sched, &c, &actors[3].base), 0);
    assert_int_equal(took, actors[i].base.id);
    assert_int_equal(gave, actors[3].base.id);
    assert_true(actors[i].base.granted);
  }
  assert_int_equal(lab_select_chosen(cases, 2), 1);
  assert_int_equal(lab_channel_send(sched, &c, &actors[3].base), -EAGAIN);
  assert_int_equal(lab_channel_send(sched, &other, &actors[3].base), -EAGAIN);
}

/* Ready cases have equal chances; those that aren't ready have none. */
static void test_chances(void **state) {
  (void)state;
  lab_channel open, closed;
  unsigned count[4] = {0};
  uint64_t seed = 5;
  bool moved;
  lab_channel_init(&open, 0, note_ends);
  lab_channel_init(&closed, 0, note_ends);
  assert_int_equal(lab_channel_close(sched, &closed), 0);
  lab_select_case cases[4] = {{.channel = &closed},
                              {.channel = &open},
                              {.channel = &closed, .send = true},
                              {.channel = &closed}};
  for (int i = 0; i < 9000; i++) {
    int k = lab_select_try(sched, &actors[0].base, cases, 4, &seed, &moved);
    assert_in_range(k, 0, 3);
    assert_false(moved);
    count[k]++;
  }
  assert_int_equal(count[1], 0);
  assert_in_range(count[0], 2800, 3200);
  assert_in_range(count[2], 2800, 3200);
  assert_in_range(count[3], 2800, 3200);
  assert_int_equal(
      lab_select_try(sched, &actors[0].base, cases + 1, 1, &seed, &moved),
      -EAGAIN);
}

static void test_no_cases(void **state) {
  (void)state;
  lab_select_wait(sched, &actors[0].base, NULL, 0, 1);
  assert_int_equal(actors[0].base.wait, LAB_WAIT_SELECT_EMPTY);
  lab_task_ready(sched, &actors[0].base);
  assert_false(actors[0].base.granted);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_against_model),
      cmocka_unit_test_setup_teardown(test_order, setup, teardown),
      cmocka_unit_test_setup_teardown(test_chances, setup, teardown),
      cmocka_unit_test_setup_teardown(test_no_cases, setup, teardown),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
