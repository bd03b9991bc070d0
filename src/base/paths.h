/* SPDX-License-Identifier: MIT
 * Where the program's own files are: beside it when it is installed, else in
 * the source tree it was built from.
 *
 * Threads: any. */
#ifndef LAB_BASE_PATHS_H
#define LAB_BASE_PATHS_H

#include <limits.h>
#include <stdbool.h>

/* The folder NAME ("scenarios", "lua") as an absolute path. False: there is
 * none. */
bool lab_paths_find(const char *name, char out[PATH_MAX]);

#endif
