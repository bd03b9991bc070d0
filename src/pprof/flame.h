/* SPDX-License-Identifier: MIT
 * The tree of a profile's stacks, for a flame graph: the samples that a query
 * (query.h) finds, from the root to the leaf. Stacks that begin with the same
 * functions share these nodes, whatever the lines in them.
 *
 * Threads: one at a time while it is made, then any. Signal handlers: never. */
#ifndef LAB_PPROF_FLAME_H
#define LAB_PPROF_FLAME_H

#include <stddef.h>
#include <stdint.h>

#include "pprof/query.h"

/* A node other than the root, which is nodes[0], stands behind its parent. The
 * children of a node are a list: child, and then each one's next; 0 ends it.
 * They are in the order in which the samples have them. */
typedef struct lab_flame_node {
  uint32_t function; /* the first of the profile's functions with its name */
  uint32_t location; /* of the profile, where no function is known */
  uint32_t parent, child, next;
  int64_t total, self; /* self: of stacks that end here */
} lab_flame_node;

typedef struct lab_flame {
  lab_flame_node *nodes;
  size_t n;
  int64_t left_out; /* of stacks that are cut, because the tree is full */
} lab_flame;

/* The tree of TYPE's values, with MAX nodes at most: a stack that would need
 * more is counted as `self` where it had to stop, and in left_out. */
lab_flame lab_flame_new(const lab_pprof_query *q, size_t type, size_t max);
void lab_flame_free(lab_flame *flame);

#endif
