/* SPDX-License-Identifier: MIT
 * MemStats as Go writes them: the object under "memstats" of /debug/vars, and
 * the comment lines at the end of heap?debug=1. Pure functions; any thread. */
#ifndef LAB_PROF_MEMSTATS_FORMAT_H
#define LAB_PROF_MEMSTATS_FORMAT_H

#include "base/buf.h"
#include "base/json.h"
#include "mem/memstats.h"

/* The object {"Alloc":1,...,"BySize":[...]}, with the keys in Go's order, as
 * the next value of a JSON text. */
void lab_memstats_add_json(const lab_memstats *stats, lab_json *j);

/* Appends the lines "# runtime.MemStats" to "# MaxRSS = ...", each with its
 * newline. */
void lab_memstats_write_text(const lab_memstats *stats, lab_buf *out);

#endif
