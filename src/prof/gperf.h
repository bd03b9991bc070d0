/* SPDX-License-Identifier: MIT
 * Profiles in the forms of gperftools, which its pprof script (Debian's
 * google-pprof) reads: older than profile.proto, and with addresses only. The
 * script asks /pprof/symbol for their names. Places in Lua functions have
 * addresses, too: see lab_text_address in prof/export.h.
 *
 * The script, and so both functions, takes the first address of a stack for the
 * place itself and the others for return addresses.
 *
 * Threads: not the control thread. */
#ifndef LAB_PROF_GPERF_H
#define LAB_PROF_GPERF_H

#include "base/buf.h"
#include "prof/cpu.h"
#include "prof/heap.h"

/* After lab_cpu_stop: the binary CPU profile, in words of 64 bits:
 *   0, 3, 0, microseconds between samples, 0
 *   0, 1, address                  of any: no samples, see gperf.c
 *   samples, depth, address...     for each stack
 *   0, 1, 0
 * and /proc/self/maps as text. */
void lab_gperf_write_cpu(const lab_cpu_session *session, lab_buf *out);

/* The text form of tcmalloc's sampled heap profile: records as in heap?debug=1,
 * @ heap_v2/bytes between samples, and the maps. */
void lab_gperf_write_heap(const lab_heap_snapshot *snapshot, lab_buf *out);

#endif
