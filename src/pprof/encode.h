/* SPDX-License-Identifier: MIT
 * A profile under construction (profile.h), written as profile.proto.
 *
 * Threads: one at a time per profile. Signal handlers: never. */
#ifndef LAB_PPROF_ENCODE_H
#define LAB_PPROF_ENCODE_H

#include "base/buf.h"
#include "pprof/profile.h"

/* Appends the finished profile to OUT: one gzip member. The builder stays as
 * it is: more can be added, and it can be finished again. Returns 0, or
 * -ENOTSUP when zlib doesn't work here; then OUT is unchanged.
 *
 * It may take 100 ms for a large profile: never call it on a thread that must
 * answer soon. */
int lab_profile_finish(const lab_profile *p, lab_buf *out);

/* The same without gzip, for tests and measurements. Always 0. */
int lab_profile_finish_raw(const lab_profile *p, lab_buf *out);

#endif
