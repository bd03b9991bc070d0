/* SPDX-License-Identifier: MIT
 * Requests that scenarios send: the service behind lab_fetch.
 *
 * Threads: the control thread. */
#ifndef LAB_SERVICES_FETCH_H
#define LAB_SERVICES_FETCH_H

#include "resources/errand.h"

/* Sends E's request; tells E when there is an answer, or an error. */
void lab_services_fetch(lab_errand *e);
/* Nobody wants the answer any more. */
void lab_services_stop_fetch(lab_errand *e);

#endif
