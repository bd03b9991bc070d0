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
 * When the file can't be written (the disk is full, a scenario has all
 * descriptors, or another program has the file's lock and keeps it), events
 * wait in memory for the next one, or for who asks lab_progress_waits now and
 * then. One thread at a time waits for the disk: others wait for it no longer
 * than their patience.
 *
 * diagnosis/standing.h adds up the events; lua/progress.lua writes the sums for
 * people.
 *
 * Threads: any; never the control thread, because the disk may be slow, but for
 * lab_progress_waits and lab_progress_fails. */
#ifndef LAB_DIAGNOSIS_PROGRESS_H
#define LAB_DIAGNOSIS_PROGRESS_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "diagnosis/judge.h"

typedef struct lab_progress lab_progress;

/* FOLDER is made when the first event comes; NULL: nothing is kept. An event
 * waits PATIENCE_MS for locks that others have. */
lab_progress *lab_progress_new(const char *folder, unsigned patience_ms);
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
 * and it waits in memory; after its patience: -EAGAIN, another program has the
 * file's lock, or -EBUSY, another thread writes. */
int lab_progress_add(lab_progress *p, const lab_progress_event *event);
/* The same for N events, which are written and synced together. N may be 0:
 * then only what waits is written. */
int lab_progress_add_all(lab_progress *p, const lab_progress_event *events,
                         size_t n);
/* The same as lab_progress_add; but if it fails, nothing has happened. For a
 * reset: who was told that it was refused must not find it done later. */
int lab_progress_add_now(lab_progress *p, const lab_progress_event *event);
/* Do events wait in memory, so that it is worth while to try again? */
bool lab_progress_waits(const lab_progress *p);
/* Did the last write fail? */
bool lab_progress_fails(const lab_progress *p);
/* RC, of one of these, in words. */
const char *lab_progress_fault(int rc);

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
