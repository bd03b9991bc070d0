/* SPDX-License-Identifier: MIT
 * Other programs that a verb starts: the tools that students use. They can
 * hang, write without end, or leave children behind: what they write is read
 * in pieces, and each leads a session that is ended with it.
 *
 * Threads: the only one. */
#ifndef LAB_KIT_PROGRAMS_H
#define LAB_KIT_PROGRAMS_H

#include <lauxlib.h>

/* host.start_program({ file, argument... }, { "NAME=value", ... })
 *     -> program | nil, message, errno
 *   A file without / is looked for in PATH. The variables are added to the
 *   environment.
 * program:read(seconds) -> text, is over
 *   Waits at most so long until it has written more, or ended. Text is 64 KiB
 *   at most, of standard output and standard error, in the order in which they
 *   were written. It is over when it has ended and all was read.
 * program:stop([signal]) -> exit code, or 128 + the signal that has ended it
 *   Sends the signal (KILL) to its session, and waits until it has ended; with
 *   another signal a second at most, then comes KILL.
 * It is also stopped when it is closed (<close>) or collected. */
extern const luaL_Reg lab_kit_programs[];

#endif
