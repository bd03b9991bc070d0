/* SPDX-License-Identifier: MIT
 * Static probes (USDT): places in the program that bpftrace, perf, SystemTap
 * and gdb can watch by name, such as diaglab:request__start. A probe is one
 * instruction that does nothing until it is watched. Probes are built in if the
 * system has <sys/sdt.h> (Debian's package systemtap-sdt-dev); otherwise these
 * macros are empty.
 *
 *   request__start  id of its task, step
 *   request__done   id, HTTP status, ns that it took
 *   task__create    task's id
 *   task__park      id, Go's word for what it waits for (a string)
 *   task__ready     id
 *   task__end       id
 *   lock__contended id of the task that gave it up, ns that others waited
 *   alloc__sample   bytes asked for, objects that the sample stands for
 *   gc__start       nothing
 *   gc__done        collections so far, ns that the application stood still
 *   step__enter     step, its slug (a string)
 *   step__leave     step, its slug
 *
 * The handbook has this list, too; tests/integration/test_probes.lua compares
 * it with the program. */
#ifndef LAB_BASE_PROBE_H
#define LAB_BASE_PROBE_H

#ifdef LAB_USDT
#include <sys/sdt.h>
#define LAB_PROBE(name) DTRACE_PROBE(diaglab, name)
#define LAB_PROBE1(name, a) DTRACE_PROBE1(diaglab, name, a)
#define LAB_PROBE2(name, a, b) DTRACE_PROBE2(diaglab, name, a, b)
#define LAB_PROBE3(name, a, b, c) DTRACE_PROBE3(diaglab, name, a, b, c)
#else
#define LAB_PROBE(name) ((void)0)
#define LAB_PROBE1(name, a) ((void)(a))
#define LAB_PROBE2(name, a, b) ((void)(a), (void)(b))
#define LAB_PROBE3(name, a, b, c) ((void)(a), (void)(b), (void)(c))
#endif

#endif
