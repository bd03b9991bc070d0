/* SPDX-License-Identifier: MIT
 * The profile lab.OpenFiles: the stacks that opened the descriptors which are
 * still open. Go's custom profiles have this form (pprof.NewProfile, with Add
 * and Remove).
 *
 * Only what scenarios open is here: whoever opens a descriptor for one tells
 * of it, and of its end. `lsof` shows the lab's own as well.
 *
 * Threads: any; never a signal handler. */
#ifndef LAB_PROF_FILES_H
#define LAB_PROF_FILES_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

/* FD was opened at STACK by code with LABEL (0: none). Tell it before anybody
 * can close it. O(1). */
void lab_files_opened(int fd, uint32_t stack, uint32_t label);
/* FD is about to be closed: tell it before, since another thread may get the
 * same number at once. Nothing happens if it isn't known. O(1). */
void lab_files_closed(int fd);

/* How many are open. */
size_t lab_files_count(void);

/* The state at one moment. */
typedef struct lab_files_snapshot lab_files_snapshot;
lab_files_snapshot *lab_files_take(void);
/* Accepts NULL. */
void lab_files_snapshot_free(lab_files_snapshot *s);

/* Both append: profile.proto with the type lab.OpenFiles/count (0 or negative
 * errno), and the text form. Slow (symbols). */
int lab_files_write(const lab_files_snapshot *s, lab_buf *out);
void lab_files_write_text(const lab_files_snapshot *s, lab_buf *out);

#endif
