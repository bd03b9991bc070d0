/* SPDX-License-Identifier: MIT
 * Requests that scenarios send: the service behind lab_fetch.
 *
 * Threads: the control thread. */
#ifndef LAB_SERVICES_FETCH_H
#define LAB_SERVICES_FETCH_H

#include "resources/errand.h"

void lab_services_fetch(lab_errand *e);
void lab_services_stop_fetch(lab_errand *e);

#endif
