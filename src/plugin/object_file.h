/* SPDX-License-Identifier: MIT
 * Whether a file can be given to the dynamic linker (object_check.h), which
 * would also wait for ever for a pipe.
 *
 * Threads: any. */
#ifndef LAB_PLUGIN_OBJECT_FILE_H
#define LAB_PLUGIN_OBJECT_FILE_H

#include <limits.h>

#include "base/err.h"

/* 0, and PATH is FILE's absolute path without links; or a negative errno and
 * ERR: "No such file or directory", "it is not a shared object". */
int lab_object_file_check(const char *file, char path[PATH_MAX], lab_err *err);

#endif
