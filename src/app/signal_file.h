/* SPDX-License-Identifier: MIT
 * Files that the lab writes because of a signal: in TMPDIR, or in /tmp, under a
 * name that no other file has. Threads: any. */
#ifndef LAB_APP_SIGNAL_FILE_H
#define LAB_APP_SIGNAL_FILE_H

#include <limits.h>

/* Makes the file diaglab-WHAT-XXXXXXSUFFIX, whose PATH is written; returns its
 * descriptor, or a negative errno. */
int lab_signal_file_new(const char *what, const char *suffix,
                        char path[PATH_MAX]);

#endif
