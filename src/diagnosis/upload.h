/* SPDX-License-Identifier: MIT
 * A profile or a trace that a student sends: the file in the body of a request,
 * and what kind it is. The bytes may be anything.
 *
 * Pure functions: any thread; reading is slow, so not the control thread. */
#ifndef LAB_DIAGNOSIS_UPLOAD_H
#define LAB_DIAGNOSIS_UPLOAD_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "diagnosis/captures.h"
#include "pprof/decode.h"

enum { LAB_UPLOAD_BYTES = 16 << 20 }; /* the largest request */

/* The limits of a profile that is sent, or judged. */
#define LAB_UPLOAD_LIMITS                                                      \
  (lab_pprof_limits) {                                                         \
    .input = LAB_UPLOAD_BYTES, .unpacked = 64u << 20, .memory = 96u << 20,     \
    .samples = 1u << 20, .locations = 1u << 20, .functions = 1u << 20,         \
    .strings = 1u << 20, .frames = 1u << 24                                    \
  }

/* Finds the file in the LEN bytes at BODY: the first part of a form that was
 * sent as multipart/form-data (curl -F profile=@FILE), or all of it. TYPE: the
 * header Content-Type, or "". Returns the file's first byte and sets *SIZE;
 * NULL if the form has no part, or doesn't end. */
const char *lab_upload_find(const char *type, const char *body, size_t len,
                            size_t *size);

/* Makes a capture of the LEN bytes at FILE, which are copied: its kind, its
 * attempt (0: none is told), how long it took, when it was complete (0: that
 * isn't told), and of a trace also the requests in it. HINT names the kind,
 * where the profile doesn't: "block" or "mutex"; "" otherwise. NULL, and ERR
 * says what is wrong with it. */
lab_capture *lab_upload_read(const char *file, size_t len, const char *hint,
                             lab_err *err);

#endif
