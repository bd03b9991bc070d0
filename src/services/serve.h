/* SPDX-License-Identifier: MIT
 * Servers of scenarios: the service behind lab_serve.
 *
 * Threads: the control thread. */
#ifndef LAB_SERVICES_SERVE_H
#define LAB_SERVICES_SERVE_H

#include "resources/errand.h"

void lab_services_serve(lab_errand *e);
void lab_services_stop_serve(lab_errand *e);

#endif
