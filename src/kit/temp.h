/* SPDX-License-Identifier: MIT
 * Temporary folders of the kit. Those of a process are in one folder,
 * diaglab-kit-XXXXXX in $TMPDIR or /tmp, which is locked as long as the process
 * lives and goes with the last of them. So a run that was killed leaves one
 * behind without a lock, and the next run removes it.
 *
 * Threads: the only one. */
#ifndef LAB_KIT_TEMP_H
#define LAB_KIT_TEMP_H

#include <lauxlib.h>

/* host.temp_folder() -> path | nil, message
 *   removes, the first time, what other runs have left
 * host.kept_folder() -> path | nil, message: one that stays when the run ends
 * host.remove_tree(path) -> true | nil, message */
extern const luaL_Reg lab_kit_temp[];

#endif
