/* SPDX-License-Identifier: MIT
 * A replay, and what there was at its beginning. Internal to src/trace:
 * replay_survey.c finds that out, replay.c uses it. Threads: the replay's. */
#ifndef LAB_TRACE_REPLAY_SURVEY_H
#define LAB_TRACE_REPLAY_SURVEY_H

#include "base/table.h"
#include "trace/replay.h"

/* An open region of a goroutine at the beginning. */
typedef struct open_region {
  const char *text;
  size_t len;
  uint64_t task;
  uint32_t stack, outer; /* place + 1 */
} open_region;

/* A goroutine. Its state is that at the beginning. */
typedef struct actor {
  lab_trace_g g;
  lab_flight_facts facts;
  uint32_t stack;
  uint8_t state, why;
  bool settled;       /* the state isn't asked for any more */
  uint32_t innermost; /* open region + 1, the outer ones behind it */
  uint32_t outermost; /* the last of these */
  uint32_t left;      /* of these, not ended in the records so far */
  uint32_t entered;   /* regions since the beginning, and not ended */
} actor;

/* A user task that is open at the beginning. */
typedef struct user_task {
  uint64_t id, parent;
  const char *text;
  size_t len;
  uint32_t stack;
  bool open;
} user_task;

struct lab_trace_replay {
  const lab_replay_input *in;
  uint64_t from, until;
  uint64_t visit; /* what is to be marked; 0: nothing any more */
  lab_table actor_table, task_table;
  actor *actors;
  user_task *tasks;
  open_region *regions;
  uint32_t nactors, ntasks, nregions;
  uint64_t heap; /* HeapAlloc at the beginning, or at the cut */
  /* where the second reading is */
  size_t chunk;
  lab_flight_reader reader;
  bool in_chunk;
};

/* Reads all records, and what there is at the cut. Afterwards the user tasks
 * are in the order in which they began. */
void lab_replay_survey(lab_trace_replay *r);
/* The goroutine ID, or NULL. */
actor *lab_replay_find(lab_trace_replay *r, uint64_t id);

#endif
