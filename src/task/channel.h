/* SPDX-License-Identifier: MIT
 * Channels of tasks and select, as in Go.
 *
 * A channel knows who waits and how much is buffered; the values are its
 * owner's. Whenever one goes from here to there (sender to receiver, sender to
 * buffer, buffer to receiver) the channel calls its owner's `move`. A sender
 * that waits keeps its value until then.
 *
 * Nothing here blocks a thread. An operation says 0 (the value was moved),
 * -EPIPE (the channel is closed; for a receiver: and empty) or -EAGAIN: then
 * the task may wait, which parks it. When it runs again it is in no queue any
 * more, and task->granted says whether a value was moved; if not, it was
 * cancelled, or else the channel was closed.
 *
 * A select waits in several channels at once, by an array of cases that its
 * owner keeps while the task is parked; a plain wait needs no memory.
 *
 * Order: the task that has waited longest gets the next value, in a select or
 * not.  * Among the cases of a select that are ready one is chosen at random.
 *
 * A channel's memory may be freed when no task waits in it. Threads: the
 * scheduler's. */
#ifndef LAB_TASK_CHANNEL_H
#define LAB_TASK_CHANNEL_H

#include "task/sched.h"

typedef struct lab_channel lab_channel;

/* A case of a select. The owner sets channel and send. */
typedef struct lab_select_case {
  lab_wait_place place;
  lab_channel *channel; /* NULL: a case that is never ready */
  bool send;
  bool chosen; /* the one that was carried out; set by this module */
} lab_select_case;

/* Who gives or takes a value. */
typedef struct lab_channel_end {
  lab_task *task;
  lab_select_case *which; /* the case of its select, or NULL */
} lab_channel_end;

/* A value goes FROM -> TO; NULL is the buffer's place SLOT (0 to cap - 1), at
 * most one of them. It can't fail. */
typedef void lab_channel_move(lab_channel *c, const lab_channel_end *from,
                              const lab_channel_end *to, size_t slot);

/* Tasks, and places of selects, each in the order in which they came. */
typedef struct lab_channel_queue {
  lab_list tasks;  /* by lab_task.link */
  lab_list places; /* by lab_wait_place.link */
} lab_channel_queue;

struct lab_channel {
  lab_channel_move *move;
  size_t cap, len;
  size_t head; /* slot of the oldest value */
  bool closed;
  lab_channel_queue senders, receivers;
};

/* An open, empty channel with room for CAP values (0: unbuffered). */
void lab_channel_init(lab_channel *c, size_t cap, lab_channel_move *move);

/* ME's value goes to the task that has waited longest for one, or into the
 * buffer. ME is only passed on to `move`. 0, -EPIPE, -EAGAIN. */
int lab_channel_send(lab_sched *s, lab_channel *c, lab_task *me);
/* ME gets the oldest value. 0, -EPIPE, -EAGAIN. */
int lab_channel_receive(lab_sched *s, lab_channel *c, lab_task *me);
/* After -EAGAIN: parks ME. */
void lab_channel_wait_send(lab_sched *s, lab_channel *c, lab_task *me,
                           uint32_t stack);
void lab_channel_wait_receive(lab_sched *s, lab_channel *c, lab_task *me,
                              uint32_t stack);
/* Wakes all who wait, without a value. What is buffered stays. 0, or -EPIPE if
 * it is closed. */
int lab_channel_close(lab_sched *s, lab_channel *c);

/* Carries out one of the N CASES that is ready, and returns its index; *MOVED
 * says whether a value was moved (else its channel is closed). -EAGAIN if none
 * is ready. RNG: see base/rng.h. */
int lab_select_try(lab_sched *s, lab_task *me, lab_select_case *cases, size_t n,
                   uint64_t *rng, bool *moved);
/* After -EAGAIN: parks ME until one is ready. CASES stay where they are. */
void lab_select_wait(lab_sched *s, lab_task *me, lab_select_case *cases,
                     size_t n, uint32_t stack);
/* Afterwards: the index of the case that was carried out, or -1. */
int lab_select_chosen(const lab_select_case *cases, size_t n);

#endif
