/* SPDX-License-Identifier: MIT
 * Child processes of scenarios: the service behind lab_child.
 *
 * Threads: the control thread. */
#ifndef LAB_SERVICES_CHILD_H
#define LAB_SERVICES_CHILD_H

#include "resources/errand.h"

/* Has E's child started by libuv's pool, and tells whether it could be
 * started. */
void lab_services_spawn(lab_errand *e);
/* Sends SIGNAL to the child. Nothing happens if it has ended. */
void lab_services_kill(lab_child *child, int signal);
/* CHILD, which stays_zombie, doesn't any longer: its end is told. */
void lab_services_collect(lab_child *child);
/* Children that were started, that run, and that have ended and were not
 * collected. */
lab_child_counts lab_services_count_children(void);
/* Closes the pipes to E's child, and kills it and its process group. */
void lab_services_stop_child(lab_errand *e);
/* Kills all children at once and lets none start: for a process that exits
 * without waiting. Any thread; allocates nothing, and waits for no lock longer
 * than a moment. */
void lab_services_kill_children(void);

#endif
