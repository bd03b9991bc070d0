/* SPDX-License-Identifier: MIT
 * The profile lab.OpenFiles: the stacks that opened the descriptors which are
 * still open. It is a custom profile (custom.h).
 *
 * Only what scenarios open is here: the code that opens a descriptor for a
 * scenario calls these functions. `lsof` shows the lab's own descriptors, too.
 *
 * Threads: any; never a signal handler. */
#ifndef LAB_PROF_FILES_H
#define LAB_PROF_FILES_H

#include <stdint.h>

/* FD was opened at STACK by code with LABEL (0: none). To be called before
 * anybody can close it. O(1). */
void lab_files_opened(int fd, uint32_t stack, uint32_t label);
/* FD is about to be closed. To be called before that, since another thread may
 * get the same number at once. Nothing happens if FD isn't known. O(1). */
void lab_files_closed(int fd);

/* Enters the profile into the table of registry.h. To be called once, before
 * the others, which do nothing without it. */
void lab_registry_add_files(void);

#endif
