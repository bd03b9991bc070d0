/* SPDX-License-Identifier: MIT
 * Requests that scenarios send, and the connections that these share: the
 * services behind lab_fetch and lab_fetch_pool.
 *
 * Threads: the control thread, but for find_place. */
#ifndef LAB_SERVICES_FETCH_H
#define LAB_SERVICES_FETCH_H

#include "resources/errand.h"

/* See lab_services. */
const char *lab_services_find_place(const char *url, char *out);

/* Sends E's request; tells E when there is an answer, or an error. */
void lab_services_fetch(lab_errand *e);
/* Asks for the next part of the answer; tells when it has come. */
void lab_services_read_fetch(lab_fetch *fetch);
/* Nobody wants the answer any more. */
void lab_services_stop_fetch(lab_errand *e);

/* Makes E's pool; closes it. */
void lab_services_pool(lab_errand *e);
void lab_services_stop_pool(lab_errand *e);

#endif
