/* SPDX-License-Identifier: MIT
 * One process that reads a scenario.lua, seen from the lab: its start, what it
 * writes, and its end.
 *
 * Threads: the one that began the reading. */
#ifndef LAB_SCENARIO_READING_H
#define LAB_SCENARIO_READING_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/buf.h"
#include "scenario/reader.h"

typedef struct lab_reading {
  const char *file; /* the caller's; NULL: none is under way */
  pid_t pid;
  int pipe; /* for poll(2) */
  uint64_t deadline;
  lab_buf got;
  const char *killed; /* why, or NULL */
} lab_reading;

/* Starts a process that reads FILE; WHOLE: with its lesson. 0 or a negative
 * errno. */
int lab_reading_begin(lab_reading *r, const char *file, bool whole);
/* Takes what the process has written. True: it has closed its end, or takes too
 * long, so lab_reading_end won't wait. */
bool lab_reading_take(lab_reading *r);
/* Kills the process; WHY is a sentence without a subject. */
void lab_reading_kill(lab_reading *r, const char *why);
/* Reaps the process. What it wrote stays in GOT. If there is no record in it,
 * OUT gets a message that says why. */
void lab_reading_end(lab_reading *r, lab_buf *out);

/* The frame of R at *AT and its bytes; *AT moves to the next one. False: there
 * is none, or it isn't complete. */
bool lab_reading_next(const lab_reading *r, size_t *at, lab_reader_frame *frame,
                      const char **bytes);

#endif
