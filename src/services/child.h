/* SPDX-License-Identifier: MIT
 * Child processes of scenarios: the service behind lab_child.
 *
 * Threads: the control thread. */
#ifndef LAB_SERVICES_CHILD_H
#define LAB_SERVICES_CHILD_H

#include "resources/errand.h"

void lab_services_spawn(lab_errand *e);
/* Nothing happens if it has ended. */
void lab_services_kill(lab_child *child, int signal);
/* Kills it, with all that it has started. */
void lab_services_stop_child(lab_errand *e);
/* Kills all children at once, for a process that exits without taking itself
 * down. */
void lab_services_kill_children(void);

#endif
