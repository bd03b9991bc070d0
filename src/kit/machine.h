/* SPDX-License-Identifier: MIT
 * What a verb wants to know about the machine, and about its own limits.
 *
 * Threads: the only one. */
#ifndef LAB_KIT_MACHINE_H
#define LAB_KIT_MACHINE_H

#include <lauxlib.h>

/* host.machine() -> {
 *   user = the number of the effective user,
 *   fds = { soft, hard }, core = { soft, hard }: limits of descriptors, of a
 *     core file's bytes; math.huge: there is none,
 *   clock = nanoseconds that one reading of CLOCK_MONOTONIC takes,
 *   kernel = "Linux 6.1.0", machine = "x86_64" }
 * host.may_write(path) -> boolean */
extern const luaL_Reg lab_kit_machine[];

#endif
