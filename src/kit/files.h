/* SPDX-License-Identifier: MIT
 * The part of the kit's `host` that writes: to the terminal, and new files; and
 * reads captures.
 *
 * Threads: the only one. */
#ifndef LAB_KIT_FILES_H
#define LAB_KIT_FILES_H

#include <lauxlib.h>

/* host.out(text), host.err(text): to standard output, standard error, made
 * plain (base/plain.h) host.live(text): to the terminal that is standard error,
 * in place of the line that stands there: how far something is. "" takes it
 * away host.is_terminal() -> true if standard error is one, for progress
 * host.now() -> seconds of a clock that only goes forward
 * host.make_folder(path) -> true | nil, message: it must be new
 * host.write_new(path, text) -> true | nil, message: it must be new
 * host.write_over(path, text) -> true | nil, message
 * host.read_bytes(path) -> bytes | nil, message: of a regular file with as many
 *   as the lab takes of a capture (16 MiB)
 * host.link(target, path) -> true | nil, message: a symbolic link
 * host.own_folder(name) -> path | nil: of what comes with the program
 * host.progress_folder() -> path | nil: see diagnosis/progress.h, also for
 * host.read_progress(folder) -> its sums as JSON | nil, message
 * host.reset_progress(folder, step or -1) -> true | nil, message
 * host.note_repair(folder, step, verdict) -> true | nil, message */
extern const luaL_Reg lab_kit_files[];

#endif
