/* SPDX-License-Identifier: MIT
 * What wall.c (collecting) and wall_write.c (showing) share. */
#ifndef LAB_PROF_WALL_INTERNAL_H
#define LAB_PROF_WALL_INTERNAL_H

#include <stdatomic.h>
#include <stdint.h>

#include "prof/cpu.h"
#include "prof/keymap.h"
#include "prof/wall.h"

typedef struct lab_wall_table {
  lab_keymap keys; /* three numbers -> ... */
  lab_buf ns;      /* ... uint64_t[] */
} lab_wall_table;

/* A task's state as one number: lab_task_state, and lab_wait. */
#define LAB_WALL_STATE(state, wait)                                            \
  ((uint64_t)(state) << 8 | (wait)) /* NOLINT */
/* The part of the time in the state RUNNING that went by in calls which kept
 * the scheduler's thread; their stacks are known. */
#define LAB_WALL_KEPT LAB_WALL_STATE(LAB_TASK_RUNNING, LAB_WAIT_WORKER)

struct lab_wall {
  lab_cpu_session *cpu;
  uint64_t began_mono, began_real;
  uint64_t attempt;            /* in which it began */
  _Atomic uint64_t ended_mono; /* UINT64_MAX: not yet */

  /* The scheduler's thread, while it watches. */
  lab_sched *sched; /* NULL: it doesn't */
  lab_task_sink sink;
  uint32_t (*find_stack)(const lab_task *task);
  lab_wall_table states;  /* (stack, label, LAB_WALL_STATE): time in it */
  uint64_t relabelled;    /* id of the last task that got another label, ... */
  uint64_t relabelled_at; /* ... and when */
  const lab_list *next;   /* collect: the next task to look at; NULL: not yet */
  uint64_t looked_at;     /* the id of the last one that was, or 0 */
  uint64_t last_id;       /* of those that are to be looked at */
};

static inline uint64_t *lab_wall_ns(const lab_wall_table *t) {
  return (uint64_t *)(void *)t->ns.data;
}
void lab_wall_add(lab_wall_table *t, lab_key key, uint64_t ns);

#endif
