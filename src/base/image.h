/* SPDX-License-Identifier: MIT
 * The files of which this process is made: the program and its libraries, as
 * they are mapped.
 *
 * Threads: any. Signal handlers: never. */
#ifndef LAB_BASE_IMAGE_H
#define LAB_BASE_IMAGE_H

#include <stddef.h>

/* Takes code and read-only data of these files out of the process's memory.
 * What only the start needs, such as relocations, symbol tables and most of a
 * library, would count as its memory for ever. The kernel keeps the pages in
 * its cache of files, and maps those that are used again, in windows of 64 KiB.
 *
 * A mapping in which something was written stays as it is: a debugger's
 * breakpoints and the kernel's probes are written into code. One that is set
 * within this call may be lost.
 *
 * Returns the bytes that were taken out; 0 if the kernel doesn't say what was
 * written. Takes about half a millisecond. */
size_t lab_image_release(void);

#endif
