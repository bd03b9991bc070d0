/* SPDX-License-Identifier: MIT
 * A seam for tests: a limit of a million stacks takes long to reach. */
#ifndef LAB_STACK_STACK_LIMIT_H
#define LAB_STACK_STACK_LIMIT_H

#include <stdint.h>

/* Replaces LAB_STACK_LIMIT; stacks that exist stay. */
void lab_stack_set_limit(uint32_t limit);

#endif
