/* SPDX-License-Identifier: MIT
 * What a student has done, on disk: visits of steps, hints, answers, repairs.
 * Nothing of it leaves the machine.
 *
 * It is one file, progress.jsonl: a JSON object per line, each an event. Lines
 * are only ever appended, in one write under a lock of the file, and synced. So
 * several labs can have one folder, and what was written stays whatever happens
 * to the process. A line that was torn (the machine lost power) has no end: the
 * next one begins on a line of its own, and readers leave the torn one out.
 * Resetting is an event, too: nothing is deleted.
 *
 * When the file can't be written (the disk is full, or a scenario has all
 * descriptors), events wait in memory for the next one.
 *
 * diagnosis/standing.h adds up the events; lua/progress.lua writes the sums for
 * people.
 *
 * Threads: any; never the control thread, because the disk may be slow. */
#ifndef LAB_DIAGNOSIS_PROGRESS_H
#define LAB_DIAGNOSIS_PROGRESS_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "diagnosis/judge.h"

typedef struct lab_progress lab_progress;

/* FOLDER is made when the first event comes; NULL: nothing is kept. */
lab_progress *lab_progress_new(const char *folder);
/* Accepts NULL. */
void lab_progress_free(lab_progress *p);
/* NULL: nothing is kept. */
const char *lab_progress_folder(const lab_progress *p);

typedef struct lab_progress_event {
  const char *what; /* "visit", "hint", "answer", "repair", "reset" */
  int step;         /* -1: all, of a reset */
  uint64_t attempt; /* prof/attempt.h */
  size_t captures;  /* that the attempt has so far */
  int hint;         /* its number, of a hint */
  const lab_judge_result *result; /* of an answer */
  const char *verdict;            /* of a repair */
} lab_progress_event;

/* Appends an event, and returns when it is on the disk: 0. Or a negative errno,
 * and it waits in memory. */
int lab_progress_add(lab_progress *p, const lab_progress_event *event);
/* The same for N events, which are written and synced together. */
int lab_progress_add_all(lab_progress *p, const lab_progress_event *events,
                         size_t n);
/* The same as lab_progress_add; but if it fails, nothing has happened. For a
 * reset: who was told that it was refused must not find it done later. */
int lab_progress_add_now(lab_progress *p, const lab_progress_event *event);

/* Opens the file in FOLDER to read it: a descriptor of the caller's, or a
 * negative errno; -EINVAL: it is no regular file. It never waits. */
int lab_progress_open(const char *folder);

/* Writes why the file in FOLDER can't be read into ERR. RC: what
 * lab_progress_open has returned; it is the result, too. */
int lab_progress_explain(const char *folder, int rc, lab_err *err);

/* The folder that is used if none is named: $XDG_STATE_HOME/diaglab, or
 * ~/.local/state/diaglab. False: there is no home. */
bool lab_progress_find_folder(char out[PATH_MAX]);

#endif
