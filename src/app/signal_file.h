/* SPDX-License-Identifier: MIT
 * Files that the lab writes because of a signal: in TMPDIR, or in /tmp, under a
 * name that no other file has. Until it is complete a file counts: of each kind
 * there are a few at a time, and none is left behind.
 *
 * Threads: the control thread. */
#ifndef LAB_APP_SIGNAL_FILE_H
#define LAB_APP_SIGNAL_FILE_H

#include <limits.h>
#include <stdbool.h>

#include "base/queue.h"

typedef struct lab_signal_file {
  int fd;
  char path[PATH_MAX];
  /* Private. */
  lab_list link; /* among those that aren't complete */
  const char *kind;
} lab_signal_file;

/* Makes the file diaglab-KIND-XXXXXXSUFFIX; F stays where it is until it ends.
 * False: there is none, and the log says why. */
bool lab_signal_file_begin(lab_signal_file *f, const char *kind,
                           const char *suffix);
/* Closes it. One that isn't complete is deleted. */
void lab_signal_file_end(lab_signal_file *f, bool is_complete);
/* Deletes all that aren't complete: for before _exit. */
void lab_signal_files_drop(void);

#endif
