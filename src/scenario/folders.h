/* SPDX-License-Identifier: MIT
 * What scenarios say of themselves, for the list of steps: each scenario.lua is
 * read by a process of its own (reader.h), once, until it or a file that it
 * read changes. So no scenario can hang, end or fill this process.
 *
 * Threads: any, several at a time; never the control thread. */
#ifndef LAB_SCENARIO_FOLDERS_H
#define LAB_SCENARIO_FOLDERS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

/* Reads those of FILES, N paths of scenario.lua, that aren't known yet or have
 * changed, a few at a time; WHOLE: with their lessons. Returns when all are
 * read. One that doesn't come to an end takes half a second of CPU time. */
void lab_folders_read(const char *const *files, size_t n, bool whole);

/* Are they all known, and has none changed? Then lab_folders_read would read
 * none. */
bool lab_folders_are_known(const char *const *files, size_t n);

/* From now on records are whole: with their lessons, for checking and proving
 * them. Before the first reading. */
void lab_folders_want_lessons(void);

/* What lab_folders_read has read. It doesn't change. */
typedef struct lab_folder_record {
  lab_buf text; /* what reader.lua wrote; or */
  bool failed;  /* a message that says why it wrote nothing */
  bool delayed; /* for want of descriptors or memory, and says nothing of it */
} lab_folder_record;

/* FILE's record, which the caller gives to lab_folders_release; NULL if it was
 * never read. */
const lab_folder_record *lab_folders_get(const char *file);
/* NULL is accepted. */
void lab_folders_release(const lab_folder_record *record);

/* TRUE: ends the reading that is under way, and begins none, because the lab
 * stops. FALSE: it may be begun again. */
void lab_folders_stop(bool stop);

#endif
