/* SPDX-License-Identifier: MIT
 * The goroutineleak profile: tasks that are parked on something that nothing
 * else can reach, so nothing will ever wake them. */
#ifndef LAB_INSPECT_LEAK_PROFILE_H
#define LAB_INSPECT_LEAK_PROFILE_H

#include <stdbool.h>

/* Enters the kind into the table of profiles (prof/registry.h). Once, at start.
 */
void lab_leak_profile_register(void);
/* Leaked tasks are being looked for: nothing may be collected now. VM's thread.
 */
bool lab_leak_profile_is_under_way(void);

#endif
