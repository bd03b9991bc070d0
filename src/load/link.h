/* SPDX-License-Identifier: MIT
 * One connection of a load, with one request at a time. For the files of this
 * folder. */
#ifndef LAB_LOAD_LINK_H
#define LAB_LOAD_LINK_H

#include "load/load_internal.h"

/* Sends the client's request on its link, or on a new one. group.c's
 * load_client_answered or load_client_failed is called later. */
void load_link_send(load_client *c);

/* Closes the client's link, if it has one. */
void load_link_drop(load_client *c);

#endif
