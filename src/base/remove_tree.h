/* SPDX-License-Identifier: MIT
 * Removes a folder with everything in it, whatever a program has made of it:
 * paths that are too long for the kernel, folders that nobody may open. It
 * takes three descriptors and the same memory however deep the folder is.
 *
 * Symbolic links are removed, not followed, and what is mounted somewhere in it
 * stays. So does what the user may not remove. If a program writes to it
 * meanwhile, that is removed, too, but not for ever.
 *
 * Threads: any. */
#ifndef LAB_BASE_REMOVE_TREE_H
#define LAB_BASE_REMOVE_TREE_H

#include "base/err.h"

/* Removes PATH, a folder or file. 0, or a negative errno, and ERR says that
 * something of it stays, what, and why; -ENOENT: it isn't there. Doesn't
 * allocate but what libc does for lists of folders, and takes no lock. */
int lab_remove_tree(const char *path, lab_err *err);

#endif
