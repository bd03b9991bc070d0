/* SPDX-License-Identifier: MIT
 * How much memory a container or a service may have: cgroups(7), version 2 and
 * version 1.
 *
 * Threads: any. */
#ifndef LAB_BASE_CGROUP_H
#define LAB_BASE_CGROUP_H

#include <stddef.h>

/* In bytes: the smallest limit of the cgroup that FILE names (as
 * "/proc/self/cgroup" does), and of those around it; SIZE_MAX: there is none.
 * MOUNT is where cgroups are mounted: "/sys/fs/cgroup". */
size_t lab_cgroup_memory(const char *file, const char *mount);

#endif
