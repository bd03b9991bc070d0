/* SPDX-License-Identifier: MIT
 * See timers.h. The heap's memory grows by doubling, and is halved when three
 * quarters of it are unused: a step with a million sleepers leaves nothing
 * behind. */
#include "task/timers.h"

#include "base/alloc.h"
#include "base/err.h"

enum { CAP_MIN = 64 };

static void note_next(lab_timers *t) {
  atomic_store_explicit(&t->next, t->count ? t->heap[0]->wake : UINT64_MAX,
                        memory_order_relaxed);
}

void lab_timers_init(lab_timers *t) {
  *t = (lab_timers){0};
  note_next(t);
}

void lab_timers_free(lab_timers *t) {
  lab_xfree(t->heap);
}

static void resize_heap(lab_timers *t, uint32_t cap) {
  t->heap = lab_xrealloc(t->heap, cap * sizeof *t->heap);
  t->cap = cap;
}

static void place_task(lab_timers *t, uint32_t i, lab_task *task) {
  t->heap[i] = task;
  task->heap = i + 1;
}

/* Both move a hole from I to where TASK belongs, and put it there. */
static void sift_up(lab_timers *t, uint32_t i, lab_task *task) {
  while (i > 0 && t->heap[(i - 1) / 2]->wake > task->wake) {
    place_task(t, i, t->heap[(i - 1) / 2]);
    i = (i - 1) / 2;
  }
  place_task(t, i, task);
}

static void sift_down(lab_timers *t, uint32_t i, lab_task *task) {
  for (uint32_t child; (child = 2 * i + 1) < t->count; i = child) {
    if (child + 1 < t->count && t->heap[child + 1]->wake < t->heap[child]->wake)
      child++;
    if (t->heap[child]->wake >= task->wake)
      break;
    place_task(t, i, t->heap[child]);
  }
  place_task(t, i, task);
}

void lab_timers_add(lab_timers *t, lab_task *task) {
  LAB_ASSERT(task->heap == 0);
  if (t->count == t->cap)
    resize_heap(t, t->cap ? 2 * t->cap : CAP_MIN);
  sift_up(t, t->count++, task);
  note_next(t);
}

void lab_timers_remove(lab_timers *t, lab_task *task) {
  if (task->heap == 0)
    return;
  uint32_t i = task->heap - 1;
  task->heap = 0;
  lab_task *last = t->heap[--t->count];
  if (last != task) {
    if (i > 0 && t->heap[(i - 1) / 2]->wake > last->wake)
      sift_up(t, i, last);
    else
      sift_down(t, i, last);
  }
  note_next(t);
  if (t->cap > CAP_MIN && t->count < t->cap / 4)
    resize_heap(t, t->cap / 2);
}
