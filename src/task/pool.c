/* SPDX-License-Identifier: MIT
 * See pool.h. A waiting task is in one list by itself, out of which the
 * scheduler takes it when its time is over, and its place is in another. The
 * two have the same order. */
#include "task/pool.h"

#include "base/err.h"
#include "task/sched_internal.h"

void lab_pool_init(lab_pool *p, size_t size) {
  *p = (lab_pool){.size = size};
  lab_list_init(&p->takers);
  lab_list_init(&p->claims);
  lab_list_init(&p->waiters);
}

static lab_pool_place *get_place(lab_list *link) {
  return LAB_CONTAINER(link, lab_pool_place, link);
}

static void begin_taking(const lab_sched *s, lab_pool *p, lab_pool_place *place,
                         const lab_task *taker) {
  place->task = taker ? taker->id : 0;
  place->since = lab_sched_moment(s);
  place->has = true;
  lab_list_push_back(&p->takers, &place->link);
}

bool lab_pool_try_take(lab_sched *s, lab_pool *p, lab_pool_place *place) {
  LAB_ASSERT(!place->has && !place->waits);
  if (p->taken >= p->size)
    return false;
  p->taken++;
  begin_taking(s, p, place, lab_sched_running(s));
  return true;
}

void lab_pool_wait(lab_sched *s, lab_pool *p, lab_pool_place *place,
                   lab_task *me, uint64_t ns, uint32_t stack) {
  LAB_ASSERT(!place->has && !place->waits);
  lab_sched_lock_changes(s, p, LAB_LOCK_POOL);
  lab_task_park(s, me, LAB_WAIT_POOL, stack);
  lab_task_wake_after(s, me, ns);
  lab_list_push_back(&p->waiters, &me->link);
  place->task = me->id;
  place->waits = true;
  lab_list_push_back(&p->claims, &place->link);
  p->waiting++;
}

static void drop_claim(lab_pool *p, lab_pool_place *place) {
  lab_list_remove(&place->link);
  place->waits = false;
  p->waiting--;
}

/* Before it there may be those of tasks that wait no longer. */
static lab_pool_place *find_claim(const lab_pool *p, const lab_task *waiter) {
  lab_list *l = p->claims.next;
  while (l != &p->claims && get_place(l)->task != waiter->id)
    l = l->next;
  LAB_ASSERT(l != &p->claims);
  return get_place(l);
}

static void hand_on(lab_sched *s, lab_pool *p) {
  lab_task *next = LAB_CONTAINER(p->waiters.next, lab_task, link);
  lab_pool_place *place = find_claim(p, next);
  drop_claim(p, place);
  lab_task_grant(s, next);
  begin_taking(s, p, place, next);
}

void lab_pool_leave(lab_sched *s, lab_pool *p, lab_pool_place *place) {
  if (!place->has && !place->waits)
    return;
  if (p->waiting > 0)
    lab_sched_lock_changes(s, p, LAB_LOCK_POOL);
  if (place->waits) {
    drop_claim(p, place);
    return;
  }
  lab_list_remove(&place->link);
  place->has = false;
  if (lab_list_empty(&p->waiters))
    p->taken--;
  else
    hand_on(s, p);
}

lab_lock_view lab_pool_view(const lab_pool *p) {
  lab_lock_view view = {
      .held = p->taken, .waiting = p->waiting, .size = p->size};
  size_t n = 0;
  for (lab_list *l = p->takers.next; l != &p->takers && n < LAB_LOCK_SHOWN;
       l = l->next, n++) {
    const lab_pool_place *place = get_place(l);
    view.holders[n] =
        (lab_lock_hold){.task = place->task, .since = place->since};
  }
  return view;
}
