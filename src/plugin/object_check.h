/* SPDX-License-Identifier: MIT
 * Whether the bytes of a file can be given to the dynamic linker. It believes
 * what a file says: of one that is cut off, it would read pages that aren't
 * there, which ends the process.
 *
 * A pure function: any thread. */
#ifndef LAB_PLUGIN_OBJECT_CHECK_H
#define LAB_PLUGIN_OBJECT_CHECK_H

#include <stddef.h>

#include "base/err.h"

/* 0: it is a shared object of this machine's kind, and whole; or a negative
 * errno and ERR: "it is not a shared object". BYTES are aligned as pages are.
 */
int lab_object_check(const void *bytes, size_t size, lab_err *err);

#endif
