/* SPDX-License-Identifier: MIT
 * See channel.h. What holds between any two calls: receivers wait only while
 * the buffer is empty, senders only while it is full, and nobody does in a
 * closed channel. */
#include "task/channel.h"

#include <errno.h>

#include "base/rng.h"

/* ---- who waits ----------------------------------------------------------- */

static void init_queue(lab_channel_queue *q) {
  lab_list_init(&q->tasks);
  lab_list_init(&q->places);
}

static bool is_empty(const lab_channel_queue *q) {
  return lab_list_empty(&q->tasks) && lab_list_empty(&q->places);
}

/* Who waits longest: both lists are in order, so it heads one of them. */
static bool find_longest_waiter(const lab_channel_queue *q,
                                lab_channel_end *out) {
  if (is_empty(q))
    return false;
  lab_task *task = LAB_CONTAINER(q->tasks.next, lab_task, link);
  lab_wait_place *place = LAB_CONTAINER(q->places.next, lab_wait_place, link);
  bool plain =
      lab_list_empty(&q->places) ||
      (!lab_list_empty(&q->tasks) && task->since <= place->task->since);
  if (plain)
    *out = (lab_channel_end){task, NULL};
  else
    *out = (lab_channel_end){place->task,
                             LAB_CONTAINER(place, lab_select_case, place)};
  return true;
}

/* The task at END gets on: its value was moved. */
static void grant_end(lab_sched *s, const lab_channel_end *end) {
  if (end->which)
    end->which->chosen = true;
  lab_task_grant(s, end->task);
}

static void tell_closed(lab_sched *s, const lab_channel_queue *q) {
  for (lab_channel_end end; find_longest_waiter(q, &end);) {
    if (end.which)
      end.which->chosen = true;
    lab_task_ready(s, end.task);
  }
}

/* ---- operations ---------------------------------------------------------- */

void lab_channel_init(lab_channel *c, size_t cap, lab_channel_move *move) {
  *c = (lab_channel){.move = move, .cap = cap};
  init_queue(&c->senders);
  init_queue(&c->receivers);
}

static void move_in(lab_channel *c, const lab_channel_end *from) {
  c->move(c, from, NULL, (c->head + c->len) % c->cap);
  c->len++;
}

static void move_out(lab_channel *c, const lab_channel_end *to) {
  c->move(c, NULL, to, c->head);
  c->head = (c->head + 1) % c->cap;
  c->len--;
}

static int send_from(lab_sched *s, lab_channel *c,
                     const lab_channel_end *from) {
  lab_channel_end to;
  if (c->closed)
    return -EPIPE;
  if (find_longest_waiter(&c->receivers, &to)) {
    c->move(c, from, &to, 0);
    grant_end(s, &to);
    return 0;
  }
  if (c->len == c->cap)
    return -EAGAIN;
  move_in(c, from);
  return 0;
}

static int receive_to(lab_sched *s, lab_channel *c, const lab_channel_end *to) {
  lab_channel_end from;
  bool waits = find_longest_waiter(&c->senders, &from);
  if (c->len > 0) {
    move_out(c, to);
    if (waits)
      move_in(c, &from);
  } else if (waits) {
    c->move(c, &from, to, 0);
  } else {
    return c->closed ? -EPIPE : -EAGAIN;
  }
  if (waits)
    grant_end(s, &from);
  return 0;
}

int lab_channel_send(lab_sched *s, lab_channel *c, lab_task *me) {
  return send_from(s, c, &(lab_channel_end){me, NULL});
}

int lab_channel_receive(lab_sched *s, lab_channel *c, lab_task *me) {
  return receive_to(s, c, &(lab_channel_end){me, NULL});
}

void lab_channel_wait_send(lab_sched *s, lab_channel *c, lab_task *me,
                           uint32_t stack) {
  lab_task_park(s, me, LAB_WAIT_SEND, stack);
  lab_list_push_back(&c->senders.tasks, &me->link);
}

void lab_channel_wait_receive(lab_sched *s, lab_channel *c, lab_task *me,
                              uint32_t stack) {
  lab_task_park(s, me, LAB_WAIT_RECEIVE, stack);
  lab_list_push_back(&c->receivers.tasks, &me->link);
}

int lab_channel_close(lab_sched *s, lab_channel *c) {
  if (c->closed)
    return -EPIPE;
  c->closed = true;
  tell_closed(s, &c->receivers);
  tell_closed(s, &c->senders);
  return 0;
}

/* ---- select -------------------------------------------------------------- */

static bool is_ready(const lab_select_case *k) {
  const lab_channel *c = k->channel;
  if (!c)
    return false;
  if (c->closed)
    return true;
  return k->send ? c->len < c->cap || !is_empty(&c->receivers)
                 : c->len > 0 || !is_empty(&c->senders);
}

/* Each ready case with the same probability: the k-th takes the place of those
 * before it once in k times. */
static int choose_case(const lab_select_case *cases, size_t n, uint64_t *rng) {
  int chosen = -EAGAIN;
  uint64_t ready = 0;
  for (size_t i = 0; i < n; i++)
    if (is_ready(&cases[i]) && lab_rng_next(rng) % ++ready == 0)
      chosen = (int)i;
  return chosen;
}

int lab_select_try(lab_sched *s, lab_task *me, lab_select_case *cases, size_t n,
                   uint64_t *rng, bool *moved) {
  int i = choose_case(cases, n, rng);
  if (i < 0)
    return i;
  lab_channel_end end = {me, &cases[i]};
  int rc = cases[i].send ? send_from(s, cases[i].channel, &end)
                         : receive_to(s, cases[i].channel, &end);
  *moved = rc == 0;
  return i;
}

void lab_select_wait(lab_sched *s, lab_task *me, lab_select_case *cases,
                     size_t n, uint32_t stack) {
  lab_task_park(s, me, n > 0 ? LAB_WAIT_SELECT : LAB_WAIT_SELECT_EMPTY, stack);
  for (size_t i = 0; i < n; i++) {
    lab_select_case *k = &cases[i];
    k->chosen = false;
    if (k->channel)
      lab_task_also_waits(me,
                          k->send ? &k->channel->senders.places
                                  : &k->channel->receivers.places,
                          &k->place);
  }
}

int lab_select_chosen(const lab_select_case *cases, size_t n) {
  for (size_t i = 0; i < n; i++)
    if (cases[i].chosen)
      return (int)i;
  return -1;
}
