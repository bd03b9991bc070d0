/* SPDX-License-Identifier: MIT
 * Where the sources of this program are. Nothing in the program names the
 * folder it was built in, so that two builds of the same sources are the same,
 * byte by byte: debug information has paths like ./src/vm/vm.c, and the tree is
 * found by the way that leads to it from the program's file.
 *
 * Threads: any. */
#ifndef LAB_BASE_SOURCE_TREE_H
#define LAB_BASE_SOURCE_TREE_H

/* The tree's absolute path, or "" if it isn't there: the program was installed
 * or copied, or the tree has gone. */
const char *lab_source_tree(void);

#endif
