/* SPDX-License-Identifier: MIT
 * Bytes that don't change any more and may have several owners: what is
 * answered to a client, and is kept as well, is in memory once.
 *
 *   lab_blob *blob = lab_blob_take(&buf);      buf is empty now
 *   lab_blob_ref(blob); ... lab_blob_unref(blob);
 *   lab_blob_unref(blob);                      the last one frees it
 *
 * Threads: any; owners may be on different threads. */
#ifndef LAB_BASE_BLOB_H
#define LAB_BASE_BLOB_H

#include <stddef.h>

#include "base/buf.h"

typedef struct lab_blob lab_blob;

/* A blob of the bytes of BUF, whose memory it takes. The caller owns it. */
lab_blob *lab_blob_take(lab_buf *buf);
/* One more owner. Returns BLOB. */
lab_blob *lab_blob_ref(lab_blob *blob);
/* One owner less. Accepts NULL. */
void lab_blob_unref(lab_blob *blob);

/* The bytes; never NULL. */
const char *lab_blob_data(const lab_blob *blob);
size_t lab_blob_len(const lab_blob *blob);
/* How much memory it has: its bytes may be in a larger block. */
size_t lab_blob_memory(const lab_blob *blob);

#endif
