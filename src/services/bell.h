/* SPDX-License-Identifier: MIT
 * Waiting for the sockets of scenarios: the service behind lab_bell.
 *
 * Threads: the control thread. */
#ifndef LAB_SERVICES_BELL_H
#define LAB_SERVICES_BELL_H

#include "resources/errand.h"

/* Rings from now on, while E's descriptor is readable; tells E only if it
 * can't. */
void lab_services_watch(lab_errand *e);
void lab_services_stop_watch(lab_errand *e);

#endif
