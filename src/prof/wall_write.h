/* SPDX-License-Identifier: MIT
 * The wall profile as profile.proto: the last step of wall.h. */
#ifndef LAB_PROF_WALL_WRITE_H
#define LAB_PROF_WALL_WRITE_H

#include "base/buf.h"

typedef struct lab_wall lab_wall; /* prof/wall.h */

/* After lab_wall_collect: appends the gzip'ed profile, samples/count and
 * time/nanoseconds. 0 or negative errno. Takes up to 0.25 s, as lab_cpu_stop
 * does, and is slow (symbols): not on the control thread, nor on the VM's. */
int lab_wall_write(lab_wall *w, lab_buf *out);

#endif
