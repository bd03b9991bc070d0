/* SPDX-License-Identifier: MIT
 * Processes of this very program that a verb starts: labs, each on a port of
 * its own, and other verbs. They end with the verb, whatever ends it.
 *
 * Threads: the only one. */
#ifndef LAB_KIT_LABS_H
#define LAB_KIT_LABS_H

#include <lauxlib.h>
#include <stdbool.h>
#include <sys/types.h>

/* Is PID one of them, and has not been waited for? */
bool lab_kit_has_started(pid_t pid);

/* host.load_primitive(file) -> true | nil, message
 *   for scenarios that are read here, and for labs that are started
 * host.start_lab(log, { argument, ... }) -> lab | nil, message
 *   starts a lab and waits until it listens, which it tells in the file
 *   LOG.port; what it writes goes to the file LOG
 * host.start_verb(log, { verb, argument, ... }) -> process | nil, message
 *   the same with a verb, without waiting
 * host.start_busy() -> process
 *   starts a process that computes
 *
 * Each has pid(), waited() (for how many seconds its threads have been ready to
 * run without a processor; nil: nobody knows), ended() and stop(), which
 * returns its exit code; it is also stopped when it is closed (<close>) or
 * collected. A lab has port(). */
extern const luaL_Reg lab_kit_labs[];

#endif
