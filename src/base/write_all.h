/* SPDX-License-Identifier: MIT
 * Writing to a file until all of it is written. Threads: any. */
#ifndef LAB_BASE_WRITE_ALL_H
#define LAB_BASE_WRITE_ALL_H

#include <stddef.h>

/* 0, or a negative errno: then a part of it may be written. */
int lab_write_all(int fd, const void *bytes, size_t len);

#endif
