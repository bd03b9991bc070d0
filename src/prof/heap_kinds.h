/* SPDX-License-Identifier: MIT
 * The heap profile under its two names in the table of profiles. */
#ifndef LAB_PROF_HEAP_KINDS_H
#define LAB_PROF_HEAP_KINDS_H

/* Registers heap and allocs. */
void lab_registry_add_heap(void);

#endif
