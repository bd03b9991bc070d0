/* SPDX-License-Identifier: MIT
 * Servers of scenarios: the service behind lab_serve.
 *
 * Threads: the control thread. */
#ifndef LAB_SERVICES_SERVE_H
#define LAB_SERVICES_SERVE_H

#include "resources/errand.h"

/* Starts E's server, and tells whether it listens. */
void lab_services_serve(lab_errand *e);
/* Closes the server and its connections. */
void lab_services_stop_serve(lab_errand *e);

#endif
