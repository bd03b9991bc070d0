/* SPDX-License-Identifier: MIT
 * See blob.h. */
#include "base/blob.h"

#include <stdatomic.h>

#include "base/alloc.h"

struct lab_blob {
  atomic_uint owners;
  lab_buf bytes;
};

lab_blob *lab_blob_take(lab_buf *buf) {
  lab_blob *blob = lab_xmalloc(sizeof *blob);
  atomic_init(&blob->owners, 1);
  blob->bytes = *buf;
  *buf = (lab_buf)LAB_BUF_INIT;
  return blob;
}

lab_blob *lab_blob_ref(lab_blob *blob) {
  atomic_fetch_add_explicit(&blob->owners, 1, memory_order_relaxed);
  return blob;
}

void lab_blob_unref(lab_blob *blob) {
  if (!blob || atomic_fetch_sub(&blob->owners, 1) > 1)
    return;
  lab_buf_free(&blob->bytes);
  lab_xfree(blob);
}

const char *lab_blob_data(const lab_blob *blob) {
  return blob->bytes.data ? blob->bytes.data : "";
}

size_t lab_blob_len(const lab_blob *blob) {
  return blob->bytes.len;
}

size_t lab_blob_memory(const lab_blob *blob) {
  return sizeof *blob + blob->bytes.cap;
}
